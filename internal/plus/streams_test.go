package plus_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/plus"
)

const measured = "arn:aws:ivs:us-east-1:000000000000:channel/AbCdEfGhIjKl"

var firstPoint = time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)

// streams are a live one of five minutes.
type streams struct{}

func (streams) Report(_ context.Context, name string) (channel.Report, error) {
	if strings.HasSuffix(name, "/waiting") {
		return channel.Report{WaitsUntil: firstPoint.Add(30 * time.Second)}, nil
	}
	if name != measured {
		return channel.Report{}, fault.Offline("channel %s is not broadcasting", name)
	}
	return channel.Report{
		Live: channel.Live{
			Spec: channel.Spec{ARN: name}, StreamID: "st-1", Started: firstPoint, Health: channel.Healthy, Viewers: 7,
			Video: &media.Track{Codec: media.H264, Width: 1280, Height: 720, SPS: []byte{0x67, 0x64, 0, 0x28}}, Encoder: "OBS",
		},
		Protocol: "RTMP",
		Latest: channel.Reading{Audio: 128_000, Videos: []channel.TrackReading{
			{Bitrate: 3_000_000, FrameRate: 29.97, Keyframes: 2 * time.Second}, {Bitrate: 800_000, FrameRate: 30},
		}},
		Advice: []channel.Advice{{Code: channel.BFrames, Severity: channel.Hint, Since: firstPoint, Message: "m", Remedy: "r"}},
	}, nil
}

func (streams) History(_ context.Context, name, id string, from, before time.Time) (out []channel.Point, err error) {
	if name != measured || id != "st-1" {
		return nil, fault.Missing("stream session %s does not exist", id)
	}
	for i := range 60 {
		if at := firstPoint.Add(time.Duration(i) * 5 * time.Second); !at.Before(from) && at.Before(before) {
			out = append(out, channel.Point{
				Time: at, Views: int64(i), Video: media.Bitrate(i) * 1000, Audio: 100, FrameRate: 30, Keyframes: time.Duration(i%2) * 2 * time.Second, Input: 5 * time.Second,
			})
		}
	}
	return out, nil
}

func withStreams(t *testing.T) *server {
	s := start(t)
	h := httptest.NewServer(plus.NewService(plus.Deps{
		DB: s.db, Webhooks: s.webhooks, Minter: arn.Minter{Region: "us-east-1", Account: "000000000000"}, Streams: streams{},
		Verifier: &auth.SigV4{Region: "us-east-1", Services: []string{plus.SigningName}, Secrets: s.keys}, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func TestALiveStreamTellsItsHealth(t *testing.T) {
	s := withStreams(t)
	if got := fmt.Sprint(s.call(t, 200, "GET", "features", "")); got != "map[features:[audit events webhooks stream-health]]" {
		t.Error(got)
	}
	got := s.call(t, 200, "GET", "channels/AbCdEfGhIjKl/health", "")
	want := "map[advice:[map[code:BFrames message:m remedy:r severity:HINT since:2026-01-02T03:04:00Z]] channelArn:" + measured + " encoder:OBS health:HEALTHY " +
		"latest:map[IngestAudioBitrate:128000 tracks:[map[IngestFramerate:30 IngestVideoBitrate:3e+06 KeyframeInterval:2 codec:avc1.640028 height:720 name:Track0 width:1280] " +
		"map[IngestFramerate:30 IngestVideoBitrate:800000 KeyframeInterval:<nil> name:Track1]]] protocol:RTMP startTime:2026-01-02T03:04:00Z streamId:st-1 viewerCount:7 waitsUntil:<nil>]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	got = s.call(t, 200, "GET", "channels/waiting/health", "")
	if got["waitsUntil"] != "2026-01-02T03:04:30Z" {
		t.Errorf("%v", got)
	}
	s.refused(t, 404, "ChannelNotBroadcasting", "is not broadcasting", "GET", "channels/another/health", "")
	s.refused(t, 404, "ResourceNotFoundException", "does not exist", "GET", "channels/a-b/health", "")
	s.refused(t, 400, "ValidationException", "not known", "GET", "channels/AbCdEfGhIjKl/health?x=1", "")
}

func TestTheHistoryOfASessionComesInPeriodsAndPages(t *testing.T) {
	s := withStreams(t)
	const path = "channels/AbCdEfGhIjKl/sessions/st-1/metrics"
	row := func(out object, name string) []any {
		t.Helper()
		for _, m := range out["metrics"].([]any) {
			if m.(object)["name"] == name {
				return m.(object)["values"].([]any)
			}
		}
		t.Fatalf("there is no %s in %v", name, out)
		return nil
	}
	const hour = "?end=2026-01-02T04:00:00Z&start=2026-01-02T03:00:00Z"
	all := s.call(t, 200, "GET", path+hour, "")
	if n := len(all["timestamps"].([]any)); n != 60 || all["period"] != 5.0 || all["nextToken"] != nil || all["streamId"] != "st-1" {
		t.Errorf("%d points: %v", n, all)
	}
	if k := row(all, "KeyframeInterval"); k[0] != nil || k[1] != 2.0 {
		t.Errorf("%v", k)
	}
	if d := row(all, "LiveDeliveredTime"); d[59] != 295.0 {
		t.Errorf("%v", d)
	}
	minutes := s.call(t, 200, "GET", path+hour+"&period=60", "")
	if got := fmt.Sprint(row(minutes, "ConcurrentViews"), row(minutes, "LiveInputTime"), row(minutes, "KeyframeInterval")); got !=
		"[5.5 17.5 29.5 41.5 53.5] [60 60 60 60 60] [2 2 2 2 2]" {
		t.Error(got)
	}
	var paged []any
	next := ""
	for range 10 {
		out := s.call(t, 200, "GET", path+hour+"&maxResults=25"+next, "")
		paged = append(paged, out["timestamps"].([]any)...)
		if out["nextToken"] == nil {
			break
		}
		next = "&nextToken=" + out["nextToken"].(string)
	}
	if fmt.Sprint(paged) != fmt.Sprint(all["timestamps"]) {
		t.Errorf("pages have %v", paged)
	}
	if out := s.call(t, 200, "GET", path, ""); len(out["timestamps"].([]any)) != 0 || len(row(out, "ConcurrentViews")) != 0 {
		t.Errorf("the last hour has %v", out)
	}
	for query, says := range map[string]string{
		"?period=7": "multiple of 5", "?period=0": "whole number", "?start=yesterday": "must be a time", "?maxResults=1441": "whole number",
		"?end=2026-01-02T03:00:00Z&start=2026-01-02T04:00:00Z": "before end", "?start=2020-01-01T00:00:00Z": "a week", "?nextToken=x": "nextToken", "?x=1": "not known",
	} {
		s.refused(t, 400, "ValidationException", says, "GET", path+query, "")
	}
	s.refused(t, 404, "ResourceNotFoundException", "does not exist", "GET", "channels/AbCdEfGhIjKl/sessions/st-2/metrics", "")
	s.refused(t, 404, "ResourceNotFoundException", "does not exist", "GET", "channels/AbCdEfGhIjKl/sessions/other/metrics", "")
	s.refused(t, 404, "ResourceNotFoundException", "does not exist", "GET", "channels/another/sessions/st-1/metrics", "")
	policy, err := auth.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"streamcat:GetSessionMetrics","Resource":"` + measured + `"}]}`))
	check(t, err)
	s.keys["limited"] = policy
	for path, want := range map[string]int{path: 200, "channels/another/sessions/st-1/metrics": 403, "channels/AbCdEfGhIjKl/health": 403} {
		if status, out := s.as(t, "limited", "streamcat", "GET", "/engine/v1/"+path, ""); status != want {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
}
