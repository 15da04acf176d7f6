package channel_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

func limited(d *channel.Deps) { d.LimitIngest = true }

// measured brings the housekeeping up to date once all that came was looked at: which tracks there are decides
// what they may have.
func (r *rig) measured(s *media.Stream) {
	r.t.Helper()
	frames, _ := s.Written()
	eventually(r.t, "all frames are seen", func() bool { return r.Noted(r.spec.ARN) == frames })
	r.Tidy()
}

// picture writes one key frame of a size in pixels and in bytes.
func (r *rig) picture(s *media.Stream, width, height, bytes int, at time.Duration) {
	r.t.Helper()
	track := *video
	track.Width, track.Height = width, height
	payload := make([]byte, max(bytes, 8))
	copy(payload, []byte{byte((len(payload) - 4) >> 24), byte((len(payload) - 4) >> 16), byte((len(payload) - 4) >> 8), byte(len(payload) - 4), 0x65})
	if err := s.Write(&media.Frame{Track: &track, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: true, Payload: payload}); err != nil {
		r.t.Fatal(err)
	}
}

// breach is what must be told of a stream that passed a limit, and that it was cut.
func (r *rig) breach(s *media.Stream, want map[string]any) {
	r.t.Helper()
	name := want["limit_name"].(string)
	var names []string
	var told map[string]any
	var event store.Event
	eventually(r.t, name, func() bool {
		r.Tidy()
		all, details, events := r.events()
		names = nil
		for i, e := range events {
			if e.DetailType == "IVS Stream Health Change" {
				continue // the clock of a test runs ahead of its frames
			}
			names = append(names, all[i])
			if e.DetailType == "IVS Limit Breach" {
				told, event = details[i], e
			}
		}
		return slices.Contains(names, "Session Ended")
	})
	if diff := cmp.Diff([]string{"Session Created", "Stream Start", name, "Stream End", "Session Ended"}, names); diff != "" {
		r.t.Error(diff)
	}
	if fault.Of(s.Err()) != fault.Quota {
		r.t.Errorf("the encoder hears %v", s.Err())
	}
	want["channel_name"], want["stream_id"] = "radio", told["stream_id"]
	if diff := cmp.Diff(want, told); diff != "" || !slices.Equal(event.Resources, []string{r.spec.ARN}) {
		r.t.Errorf("%v\n%s", event.Resources, diff)
	}
	if !slices.ContainsFunc(r.record().Events, func(h channel.Happening) bool { return h.Name == name && h.Type == "IVS Limit Breach" }) {
		r.t.Errorf("in the record: %+v", r.record().Events)
	}
}

func TestAPictureThatIsTooLargeIsCutAndTold(t *testing.T) {
	for _, c := range []struct {
		width, height int
		unit          string
		limit, by     float64
	}{
		{2560, 1440, "total pixels", 1920 * 1080, 2560*1440 - 1920*1080},
		{2000, 720, "pixels per edge", 1920, 80},
		{720, 2000, "pixels per edge", 1920, 80},
	} {
		r := newRig(t, limited)
		s := r.admit()
		r.picture(s, c.width, c.height, 8, 0)
		r.breach(s, map[string]any{"limit_name": "Ingest Resolution", "limit_value": c.limit, "exceeded_by": c.by, "limit_unit": c.unit})
	}
}

func TestABitrateThatIsTooHighIsCutAndTold(t *testing.T) {
	for _, c := range []struct {
		kind          string
		width, height int
		limit         int
	}{
		{"STANDARD", 1920, 1080, 8_500_000},
		{"ADVANCED_HD", 1280, 720, 8_500_000},
		{"BASIC", 1080, 1920, 3_500_000},
		{"BASIC", 854, 480, 1_500_000},
	} {
		r := newRig(t, limited, func(d *channel.Deps) {
			spec := d.Directory.(directory)[key]
			spec.Type = c.kind
			d.Directory.(directory)[key] = spec
		})
		r.Quiet() // the window of ten seconds begins when it is first looked at
		s := r.admit()
		r.picture(s, c.width, c.height, 8, 0)
		r.until("Session Created", "Stream Start")
		r.measured(s)
		second := c.limit / 8
		for i := range 20 { // ten seconds of what is just allowed, then of a byte more
			r.picture(s, c.width, c.height, second+i/10, time.Duration(i+1)*time.Second)
			r.clock.pass(time.Second)
			if i == 9 {
				r.measured(s)
			}
		}
		if s.Err() != nil {
			t.Fatalf("%+v: cut at the limit: %v", c, s.Err())
		}
		r.measured(s)
		r.breach(s, map[string]any{"limit_name": "Ingest Bitrate", "limit_value": float64(c.limit), "exceeded_by": 8.0, "limit_unit": "bits per second"})
	}
}

func TestAStreamLastsAtMostTwoDays(t *testing.T) {
	for _, limit := range []bool{true, false} {
		r := newRig(t, func(d *channel.Deps) { d.LimitIngest = limit })
		r.Quiet()
		s := r.admit()
		r.write(s, 0, time.Second)
		eventually(t, "live", r.live)
		r.clock.pass(48 * time.Hour)
		r.Tidy()
		if s.Err() != nil {
			t.Fatalf("cut at two days: %v", s.Err())
		}
		r.clock.pass(time.Second)
		r.Tidy()
		if cut := fault.Of(s.Err()) == fault.Quota; cut != limit || !cut && s.Err() != nil {
			t.Errorf("with limits %v: %v", limit, s.Err())
		}
	}
}

func TestWithoutLimitsOfIngestNothingIsCut(t *testing.T) {
	r := newRig(t)
	s := r.admit()
	for i := range 21 {
		r.picture(s, 3840, 2160, 2<<20, time.Duration(i)*time.Second)
		r.clock.pass(time.Second)
		if i%10 == 0 {
			eventually(t, "live", r.live)
			r.Tidy()
		}
	}
	s.Close()
	r.ended()
	if slices.Contains(r.names(), "Ingest Resolution") || slices.Contains(r.names(), "Ingest Bitrate") {
		t.Error(r.names())
	}
}

// Of several tracks the largest picture and the sum of the bitrates count, whichever track they are in.
func TestLimitsCoverAllTracks(t *testing.T) {
	allowed := multitrack(channel.Multitrack{Allowed: true})
	picture := append([]byte{0, 0, 0, 1, 0x65}, make([]byte, 2<<20)...)
	frame := func(r *rig, s *media.Stream, track *media.Track, bytes int, at time.Duration) {
		_ = s.Write(&media.Frame{Track: track, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: true, Payload: picture[:bytes]})
	}
	t.Run("a picture that is too large comes second", func(t *testing.T) {
		r := newRig(t, limited, allowed)
		s := r.send("RTMP", 2, rendition(0, 1280, 720), rendition(1, 2560, 1440))
		r.breach(s, map[string]any{"limit_name": "Ingest Resolution", "limit_value": 1920.0 * 1080, "exceeded_by": 2560.0*1440 - 1920*1080, "limit_unit": "total pixels"})
	})
	for _, c := range []struct {
		kind          string
		width, height int // of the larger one, which comes second
		limit         int
	}{
		{"STANDARD", 1920, 1080, 8_500_000},
		{"BASIC", 1280, 720, 3_500_000},
		{"BASIC", 640, 360, 1_500_000},
	} {
		t.Run(fmt.Sprint(c.kind, c.width), func(t *testing.T) {
			r := newRig(t, limited, func(d *channel.Deps) {
				spec := d.Directory.(directory)[key]
				spec.Type = c.kind
				d.Directory.(directory)[key] = spec
			})
			r.Quiet()
			small, large := rendition(0, 320, 180), rendition(1, c.width, c.height)
			s := r.send("WHIP", 2, small, large)
			r.until("Session Created", "Stream Start")
			r.measured(s)
			for i := range 20 { // ten seconds of what is just allowed, then of a byte more
				at := time.Duration(i+1) * time.Second
				frame(r, s, small, c.limit/8/5+i/10, at)
				frame(r, s, large, c.limit/8-c.limit/8/5, at)
				r.clock.pass(time.Second)
				if i == 9 {
					r.measured(s)
				}
			}
			if s.Err() != nil {
				t.Fatalf("cut at the limit: %v", s.Err())
			}
			r.measured(s)
			r.breach(s, map[string]any{"limit_name": "Ingest Bitrate", "limit_value": float64(c.limit), "exceeded_by": 8.0, "limit_unit": "bits per second"})
		})
	}
}
