package channel_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// broadcast lets media pass as it would live: so much of it, a second at a time, with what happens each second.
// Between key frames there are gop, of 25 pictures a second
// of 15,000 bytes: 3 Mbit/s.
func (r *rig) broadcast(s *media.Stream, from, d, gop time.Duration, each func()) {
	r.t.Helper()
	audio := &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48000, Channels: 2}
	picture := make([]byte, 15_000)
	copy(picture, []byte{0, 0, 0x3a, 0x94, 0x41})
	keyPicture := append([]byte{0, 0, 0x3a, 0x94, 0x65}, picture[5:]...)
	for i := 0; i < int(d.Seconds()*25); i++ {
		at := from + time.Duration(i)*time.Second/25
		if i%25 == 0 && i > 0 {
			each()
		}
		f := &media.Frame{Track: video, DTS: at, PTS: at, Arrived: r.clock.Now(), Payload: picture}
		if f.Key = at%gop < time.Second/25; f.Key {
			f.Payload = keyPicture
		}
		a := &media.Frame{Track: audio, DTS: at, PTS: at, Arrived: f.Arrived, Key: true, Payload: make([]byte, 600)}
		for _, f := range []*media.Frame{f, a} {
			if err := s.Write(f); err != nil {
				r.t.Fatal(err)
			}
		}
		if from == 0 && i == 0 {
			eventually(r.t, "live", r.live) // from its first frame on
		}
		r.clock.pass(time.Second / 25)
	}
	each()
}

func TestASessionHasAHistoryOfFiveSeconds(t *testing.T) {
	registry := prometheus.NewRegistry()
	r := newRig(t, func(d *channel.Deps) { d.Registerer = registry })
	r.Quiet()
	r.clock.pass(r.clock.Now().Truncate(5 * time.Second).Add(5 * time.Second).Sub(r.clock.Now()))
	begun := r.clock.Now()
	s := r.admit()
	tidy := func() {
		frames, _ := s.Written()
		eventually(t, "all frames are seen", func() bool { return r.Noted(r.spec.ARN) == frames })
		r.Tidy()
	}
	r.broadcast(s, 0, 11*time.Minute, 2*time.Second, tidy)
	l, err := r.Report(t.Context(), r.spec.ARN)
	if err != nil || len(l.Advice) != 0 || l.Protocol != "RTMP" || len(l.Latest.Videos) != 1 || l.Latest.Best().Keyframes != 2*time.Second {
		t.Errorf("report %+v, %v", l, err)
	}
	id := l.StreamID
	read := func() []channel.Point {
		t.Helper()
		points, err := r.History(t.Context(), r.spec.ARN, id, begun, begun.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		return points
	}
	check := func(when string, want int) {
		t.Helper()
		points := read()
		if len(points) != want {
			t.Errorf("%s: %d points, want %d", when, len(points), want)
		}
		for i, p := range points {
			if at := begun.Add(time.Duration(i) * 5 * time.Second); !p.Time.Equal(at) ||
				p.Video < 2_990_000 || p.Video > 3_010_000 || p.Audio < 115_000 || p.Audio > 125_000 ||
				p.FrameRate < 24.9 || p.FrameRate > 25.1 || p.Keyframes != 2*time.Second && i > 0 || p.Input < 4900*time.Millisecond {
				t.Errorf("%s: point %d is %+v, want %v", when, i, p, at)
				break
			}
		}
	}
	check("live", 11*12)
	if n := testutil.CollectAndCount(registry, "streamcat_ivs_ingest_video_bitrate", "streamcat_ivs_keyframe_interval_seconds", "streamcat_ivs_concurrent_views"); n != 3 {
		t.Errorf("%d series", n)
	}
	want := "# HELP streamcat_ivs_keyframe_interval_seconds KeyframeInterval: seconds between the last two key frames.\n# TYPE streamcat_ivs_keyframe_interval_seconds gauge\n" +
		`streamcat_ivs_keyframe_interval_seconds{channel="` + r.spec.ID + `",track="Track0"} 2` + "\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "streamcat_ivs_keyframe_interval_seconds"); err != nil {
		t.Error(err)
	}
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	check("ended", 11*12)
	if n := testutil.CollectAndCount(registry, "streamcat_ivs_ingest_video_bitrate", "streamcat_ivs_concurrent_views"); n != 0 {
		t.Errorf("%d series of a stream that ended", n)
	}
	if _, err := r.History(t.Context(), r.spec.ARN, "st-another", begun, begun.Add(time.Hour)); fault.Of(err) != fault.NotFound {
		t.Errorf("a session that was not: %v", err)
	}
	if _, err := r.History(t.Context(), r.spec.ARN+"x", id, begun, begun.Add(time.Hour)); fault.Of(err) != fault.NotFound {
		t.Errorf("a session of another channel: %v", err)
	}
	if _, err := r.Report(t.Context(), r.spec.ARN); fault.Of(err) != fault.NotLive {
		t.Errorf("report of an ended stream: %v", err)
	}
}

func TestACrashLosesAMinuteOfHistoryAtMost(t *testing.T) {
	r := newRig(t)
	r.Quiet()
	begun := r.clock.Now()
	s := r.admit()
	tidy := func() {
		frames, _ := s.Written()
		eventually(t, "all frames are seen", func() bool { return r.Noted(r.spec.ARN) == frames })
		r.Tidy()
		eventually(t, "written", func() bool { return !r.Saving(r.spec.ARN) })
	}
	r.broadcast(s, 0, 150*time.Second, 2*time.Second, tidy)
	l, err := r.Live(t.Context(), r.spec.ARN)
	if err != nil {
		t.Fatal(err)
	}
	// Another process with the same database knows only what was written.
	other := channel.NewManager(r.deps)
	defer other.Close(t.Context())
	points, err := other.History(t.Context(), r.spec.ARN, l.StreamID, begun.Add(-time.Minute), begun.Add(time.Hour))
	if err != nil || len(points) < 150/5-13 || len(points) > 150/5+1 {
		t.Errorf("%d points are left, %v", len(points), err)
	}
}

func TestAdviceIsToldOnceWhenItBeginsAndOnceWhenItEnds(t *testing.T) {
	r := newRig(t)
	r.Quiet()
	s := r.admit()
	s.Describe(media.Info{Encoder: "obs-output module (libobs version 29.0.2)"})
	tidy := func() {
		frames, _ := s.Written()
		eventually(t, "all frames are seen", func() bool { return r.Noted(r.spec.ARN) == frames })
		r.Tidy()
		eventually(t, "told", func() bool { return !r.Advising(r.spec.ARN) })
	}
	r.broadcast(s, 0, 30*time.Second, 10*time.Second, tidy)
	l, err := r.Report(t.Context(), r.spec.ARN)
	if err != nil || len(l.Advice) != 1 || l.Advice[0].Remedy != "OBS → Settings → Output → Keyframe Interval: 2 s" {
		t.Errorf("%+v, %v", l.Advice, err)
	}
	r.broadcast(s, 30*time.Second, 30*time.Second, 2*time.Second, tidy)
	r.broadcast(s, 60*time.Second, 30*time.Second, 10*time.Second, tidy)
	s.Close()
	eventually(t, "not busy", func() bool { return !r.Busy(r.spec.ARN) })
	events, err := r.db.Events(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range events {
		var d struct {
			Name     string `json:"event_name"`
			Code     string `json:"code"`
			Severity string `json:"severity"`
			Message  string `json:"message"`
			Remedy   string `json:"remedy"`
		}
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if e.DetailType != "IVS Stream Health Change" {
			continue
		}
		said = append(said, d.Name+" "+d.Code)
		if full := d.Severity != "" && d.Message != "" && d.Remedy != ""; full != strings.HasSuffix(d.Name, "Start") {
			t.Errorf("event %s", e.Detail)
		}
	}
	want := []string{"StreamCat Advice Start LongKeyframeInterval", "StreamCat Advice End LongKeyframeInterval", "StreamCat Advice Start LongKeyframeInterval"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Error(diff)
	}
	if e := r.record().Events; len(e) != 4+len(want) {
		t.Errorf("the session keeps %d events", len(e))
	}
}
