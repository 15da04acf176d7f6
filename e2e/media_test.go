package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/bluenviron/gohlslib/v2/pkg/playlist"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// channel is a channel made through the AWS SDK, and how to reach it.
type channel struct {
	ARN, PlaybackURL, PublishURL, Key string
}

func makeChannel(t *testing.T, cfg aws.Config, rtmp string) channel {
	t.Helper()
	out, err := ivs.NewFromConfig(cfg).CreateChannel(t.Context(), &ivs.CreateChannelInput{Name: aws.String("radio")})
	if err != nil {
		t.Fatal(err)
	}
	key := aws.ToString(out.StreamKey.Value)
	return channel{aws.ToString(out.Channel.Arn), aws.ToString(out.Channel.PlaybackUrl), rtmp + key, key}
}

func isLive(t *testing.T, cfg aws.Config, c channel) bool {
	_, err := ivs.NewFromConfig(cfg).GetStream(t.Context(), &ivs.GetStreamInput{ChannelArn: &c.ARN})
	return err == nil
}

// mediaURL asks the multivariant playlist for its only variant, and has an independent parser read both.
func mediaURL(t *testing.T, playback string) string {
	t.Helper()
	body := fetch(t, playback, http.StatusOK)
	multi := parse[*playlist.Multivariant](t, body)
	if len(multi.Variants) != 1 {
		t.Fatalf("variants: %s", body)
	}
	v := multi.Variants[0]
	if len(v.Codecs) != 2 || v.Resolution == "" || v.FrameRate == nil || v.Bandwidth == 0 {
		t.Errorf("the variant does not say all it should: %s", body)
	}
	base, err := url.Parse(playback)
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(v.URI)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

func parse[P playlist.Playlist](t *testing.T, body string) P {
	t.Helper()
	p, err := playlist.Unmarshal([]byte(body))
	if err != nil {
		t.Fatalf("an independent parser refuses the playlist: %v\n%s", err, body)
	}
	typed, ok := p.(P)
	if !ok {
		t.Fatalf("a playlist of another kind: %s", body)
	}
	return typed
}

func fetch(t *testing.T, url string, want int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s: %s, want %d: %.300s", url, resp.Status, want, body)
	}
	return string(body)
}

// follow reads a live playlist by blocking reload as a player does, for so many parts, and has every one
// of them checked.
func follow(t *testing.T, media string, parts int) {
	t.Helper()
	check := hlscheck.New()
	u := media
	for range parts {
		body := fetch(t, u, http.StatusOK)
		parse[*playlist.Media](t, body)
		if wrong := check.Playlist(body); len(wrong) > 0 {
			t.Fatalf("%s\n%s", strings.Join(wrong, "\n"), body)
		}
		msn, part := check.Last().End()
		u = fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", media, msn, part)
	}
}

func TestEncodersThatAreNotOursAreWatchable(t *testing.T) {
	t.Parallel()
	e := enginetest.Start(t)
	for name, publish := range map[string]func(*testing.T, string) *encoder{
		"ffmpeg 30 fps":    func(t *testing.T, u string) *encoder { return ffmpeg(t, u, picture{}) },
		"ffmpeg 29.97 fps": func(t *testing.T, u string) *encoder { return ffmpeg(t, u, picture{rate: "30000/1001"}) },
		"ffmpeg 8 s between pictures that stand alone": func(t *testing.T, u string) *encoder { return ffmpeg(t, u, picture{gop: "240"}) },
		"ffmpeg with B-frames": func(t *testing.T, u string) *encoder {
			return ffmpeg(t, u, picture{extra: []string{"-preset", "veryfast", "-tune", "film", "-bf", "2"}})
		},
		"GStreamer": gstreamer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := makeChannel(t, e.AWS(), e.RTMP)
			publish(t, c.PublishURL)
			eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
			follow(t, mediaURL(t, c.PlaybackURL), 40)
			probe(t, c.PlaybackURL)
		})
	}
}

// probe has ffprobe read three seconds of the live stream and wants picture and sound in it, with
// times that only grow.
func probe(t *testing.T, playback string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ffprobe", "-v", "error", "-of", "json", "-show_streams",
		"-show_entries", "packet=stream_index,dts_time", "-read_intervals", "%+3", playback).CombinedOutput()
	if err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	var read struct {
		Streams []struct {
			CodecName string `json:"codec_name"`
		}
		Packets []struct {
			Stream int     `json:"stream_index"`
			DTS    float64 `json:"dts_time,string"`
		}
	}
	if err := json.Unmarshal(out[strings.IndexByte(string(out), '{'):], &read); err != nil {
		t.Fatalf("ffprobe: %v\n%s", err, out)
	}
	codecs := map[string]bool{}
	for _, s := range read.Streams {
		codecs[s.CodecName] = true
	}
	if !codecs["h264"] || !codecs["aac"] {
		t.Errorf("ffprobe sees %v", codecs)
	}
	last, count := map[int]float64{}, map[int]int{}
	for _, p := range read.Packets {
		if before, ok := last[p.Stream]; ok && p.DTS <= before {
			t.Errorf("stream %d: %v after %v", p.Stream, p.DTS, before)
		}
		last[p.Stream] = p.DTS
		count[p.Stream]++
	}
	if count[0] < 50 || count[1] < 50 {
		t.Errorf("ffprobe read %v packets", count)
	}
}

func TestStopStreamCutsTheEncoder(t *testing.T) {
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	enc := ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	if _, err := ivs.NewFromConfig(e.AWS()).StopStream(t.Context(), &ivs.StopStreamInput{ChannelArn: &c.ARN}); err != nil {
		t.Fatal(err)
	}
	if isLive(t, e.AWS(), c) {
		t.Error("live after StopStream")
	}
	if !enc.ended(15 * time.Second) {
		t.Error("the encoder goes on")
	}
	fetch(t, c.PlaybackURL, http.StatusNotFound)
	if strings.Contains(e.Log(), c.Key) {
		t.Error("the log holds the stream key")
	}
}

func TestWhatCannotBeWatchedIsRefusedWithAReason(t *testing.T) {
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	for name, tc := range map[string]struct {
		url   string
		extra []string
		log   string
	}{
		"unknown key":   {e.RTMP + "sk_us-east-1_nobody_nobody", nil, "unknown_key"},
		"another codec": {c.PublishURL, []string{"-c:v", "flv1"}, "codec"},
		"another sound": {c.PublishURL, []string{"-c:a", "libmp3lame", "-ar", "44100"}, "codec"},
	} {
		t.Run(name, func(t *testing.T) {
			enc := ffmpeg(t, tc.url, picture{extra: tc.extra})
			if !enc.ended(20 * time.Second) {
				t.Fatal("the encoder goes on")
			}
			if !strings.Contains(e.Log(), tc.log) {
				t.Errorf("the log does not say why (%q)", tc.log)
			}
			if log := e.Log(); strings.Contains(log, c.Key) || strings.Contains(log, "nobody_nobody") {
				t.Error("the log holds a stream key")
			}
		})
	}
}
