package channel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

func multitrack(m channel.Multitrack) func(*channel.Deps) {
	return func(d *channel.Deps) {
		spec := d.Directory.(directory)[key]
		spec.Multitrack = m
		d.Directory.(directory)[key] = spec
	}
}

// rendition is a video track of a size.
func rendition(n, width, height int) *media.Track {
	t := *video
	t.ID, t.Width, t.Height = media.FirstVideo+n, width, height
	return &t
}

// send publishes key frames of tracks in turn, twice each, and gives the stream. Errors of writing are the
// test's business: they tell that the stream was cut.
func (r *rig) send(protocol string, promised int, tracks ...*media.Track) *media.Stream {
	r.t.Helper()
	s, err := r.Admit(r.t.Context(), media.Publisher{Protocol: protocol, Key: key})
	if err != nil {
		r.t.Fatal(err)
	}
	s.Describe(media.Info{Videos: promised})
	for i := range 2 {
		for _, t := range tracks {
			at := time.Duration(i) * time.Second / 30
			_ = s.Write(&media.Frame{Track: t, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: true, Payload: []byte{0, 0, 0, 4, 0x65, 1, 2, 3}})
		}
	}
	return s
}

func TestAnInputThatAChannelDoesNotTakeIsCutWithItsCode(t *testing.T) {
	hd, sd, small := rendition(0, 1280, 720), rendition(1, 852, 480), rendition(2, 640, 360)
	many := []*media.Track{hd, sd, small, rendition(3, 426, 240), rendition(4, 284, 160), rendition(5, 214, 120)}
	allowed := channel.Multitrack{Allowed: true, MaxLines: 1080}
	required := channel.Multitrack{Allowed: true, Required: true, MaxLines: 1080}
	for _, c := range []struct {
		name     string
		channel  channel.Multitrack
		protocol string
		promised int
		tracks   []*media.Track
		code     string
	}{
		{"two tracks where they are not allowed", channel.Multitrack{}, "RTMPS", 2, []*media.Track{hd, sd}, "MultitrackInputNotAllowed"},
		{"two tracks that were not promised", channel.Multitrack{}, "RTMP", 0, []*media.Track{hd, sd}, "MultitrackInputNotAllowed"},
		{"a promise alone", channel.Multitrack{}, "SRT", 2, []*media.Track{hd}, "MultitrackInputNotAllowed"},
		{"one track where several are required", required, "RTMP", 0, []*media.Track{hd}, "MultitrackInputRequired"},
		{"one picture from a browser where several are required", required, "WHIP", 1, []*media.Track{hd}, "MultitrackInputRequired"},
		{"six tracks", allowed, "RTMP", 6, many, "InvalidMultitrackInputTrackCount"},
		{"a track that is too large", channel.Multitrack{Allowed: true, MaxLines: 480}, "RTMP", 2, []*media.Track{hd, sd}, "InvalidMultitrackInputVideoTrackMediaProperties"},
		{"an upright track that is too large", channel.Multitrack{Allowed: true, MaxLines: 480}, "RTMP", 2, []*media.Track{rendition(0, 720, 1280), rendition(1, 480, 852)}, "InvalidMultitrackInputVideoTrackMediaProperties"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, multitrack(c.channel))
			for range 2 { // the next try is judged anew, whatever is left of the last
				s := r.send(c.protocol, c.promised, c.tracks...)
				<-s.Done()
				if fault.Of(s.Err()) != fault.Denied {
					t.Fatalf("the encoder hears %v", s.Err())
				}
				eventually(t, "the end", func() bool { return !r.Busy(r.spec.ARN) })
			}
			names, details, _ := r.events()
			var last map[string]any
			for i, name := range names {
				if name == "Session Ended" {
					last = details[i]
				}
			}
			if got := r.record().Events; got[len(got)-1].Code != c.code || last["code"] != c.code {
				t.Errorf("code %q, told as %v", got[len(got)-1].Code, last["code"])
			}
			if c.promised > 1 || c.code == "MultitrackInputRequired" { // else it is live before the second track comes
				if diff := cmp.Diff([]string{"Session Created", "Session Ended", "Session Created", "Session Ended"}, names); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestAnInputThatAChannelTakesIsWrittenDownTrackByTrack(t *testing.T) {
	hd, sd, small := rendition(0, 1280, 720), rendition(1, 852, 480), rendition(2, 640, 360)
	for _, c := range []struct {
		name     string
		channel  channel.Multitrack
		protocol string
		tracks   []*media.Track
	}{
		{"one track where nothing else is allowed", channel.Multitrack{}, "RTMP", []*media.Track{hd}},
		{"one track where several are allowed", channel.Multitrack{Allowed: true, MaxLines: 720}, "RTMP", []*media.Track{hd}},
		{"one track larger than several may be", channel.Multitrack{Allowed: true, MaxLines: 480}, "RTMP", []*media.Track{hd}},
		{"three tracks where they are allowed", channel.Multitrack{Allowed: true, MaxLines: 720}, "RTMPS", []*media.Track{hd, sd, small}},
		{"three tracks where several are required", channel.Multitrack{Allowed: true, Required: true, MaxLines: 720}, "SRT", []*media.Track{hd, sd, small}},
		{"a browser's three sizes where no multitrack input is allowed", channel.Multitrack{}, "WHIP", []*media.Track{hd, sd, small}},
		{"a browser's sizes, the largest last", channel.Multitrack{}, "WHIP", []*media.Track{small, sd, hd}},
		{"a browser's sizes where several are required", channel.Multitrack{Allowed: true, Required: true, MaxLines: 480}, "WHIP", []*media.Track{hd, sd}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, multitrack(c.channel))
			s := r.send(c.protocol, len(c.tracks), c.tracks...)
			eventually(t, "all tracks are written down", func() bool {
				rec := r.record()
				return len(rec.Videos) == len(c.tracks) && rec.Video != nil
			})
			if s.Err() != nil {
				t.Fatalf("cut: %v", s.Err())
			}
			var got []string
			for _, v := range r.record().Videos {
				got = append(got, fmt.Sprintf("%dx%d", v.Width, v.Height))
			}
			if want := []string{"1280x720", "852x480", "640x360"}[:len(c.tracks)]; !cmp.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if l, err := r.Live(t.Context(), r.spec.ARN); err != nil || l.Video != hd {
				t.Errorf("live with %+v, %v", l.Video, err)
			}
		})
	}
}
