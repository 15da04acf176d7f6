package channel_test

import (
	"regexp"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/media"
)

func TestAViewerOfAnyRenditionIsOneViewer(t *testing.T) {
	r := newRig(t)
	r.Quiet()
	s, err := r.Admit(t.Context(), media.Publisher{Protocol: "WHIP", Key: key}) // whose layers every channel takes
	if err != nil {
		t.Fatal(err)
	}
	s.Describe(media.Info{Videos: 2})
	small := *video
	small.ID, small.Width, small.Height = media.FirstVideo+1, 640, 360
	for i := range 120 {
		at := time.Duration(i) * time.Second / 30
		for _, track := range []*media.Track{video, &small} {
			nal := map[bool]byte{true: 0x65, false: 0x41}[i%30 == 0]
			f := &media.Frame{Track: track, DTS: at, PTS: at, Arrived: r.clock.Now(), Key: i%30 == 0, Payload: []byte{0, 0, 0, 4, nal, 1, 2, 3}}
			if err := s.Write(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	eventually(t, "live", r.live)
	code, body := r.get(channel.PlaybackPath(r.spec.ARN))
	uris := regexp.MustCompile(`(?m)^[^#\n].*$`).FindAllString(body, -1)
	if code != 200 || len(uris) != 2 {
		t.Fatalf("%d %s", code, body)
	}
	viewers := func() int64 {
		r.Tidy()
		l, err := r.Live(t.Context(), r.spec.ARN)
		if err != nil {
			t.Fatal(err)
		}
		return l.Viewers
	}
	for _, uri := range uris { // a player that tries both
		if code, body := r.get(channel.PlaybackRoot + uri); code != 200 {
			t.Fatalf("%s: %d %s", uri, code, body)
		}
	}
	if n := viewers(); n != 1 {
		t.Errorf("a viewer of two renditions counts %d times", n)
	}
	r.clock.pass(10 * time.Second)
	r.get(channel.PlaybackRoot + uris[1]) // and stays with the small one
	r.clock.pass(10 * time.Second)
	if n := viewers(); n != 1 {
		t.Errorf("a viewer of the small rendition counts %d times", n)
	}
}

// What a player asks of a plain playlist makes it no low-latency player, who would be gone long before.
func TestAPlayerOfAPlainChannelKeepsThePlainPace(t *testing.T) {
	r := newRig(t, func(d *channel.Deps) {
		spec := d.Directory.(directory)[key]
		spec.LatencyMode = "NORMAL"
		d.Directory.(directory)[key] = spec
	})
	r.Quiet()
	s := r.admit()
	r.write(s, 0, 9*time.Second)
	eventually(t, "live", r.live)
	playlist := r.media()
	if code, body := r.get(playlist + "&_HLS_msn=1"); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	r.clock.pass(16 * time.Second) // no media comes meanwhile, so that everybody has 12 s more
	r.Tidy()
	l, err := r.Live(t.Context(), r.spec.ARN)
	if err != nil || l.Viewers != 1 {
		t.Errorf("%d viewers, %v", l.Viewers, err)
	}
}
