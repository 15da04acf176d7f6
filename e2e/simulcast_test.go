package e2e

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
)

// oneStream admits everybody to one stream.
type oneStream struct{ *media.Stream }

func (s oneStream) Admit(context.Context, media.Publisher) (*media.Stream, error) {
	return s.Stream, nil
}

// TestABrowserPublishesSeveralSizes has Chromium send its camera in three sizes: each is a track of its own, and
// their key frames are of the same pictures.
func TestABrowserPublishesSeveralSizes(t *testing.T) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	stream := media.NewStream()
	reader := stream.NewReader(media.ReaderOptions{})
	defer reader.Close()
	door := httptest.NewUnstartedServer(nil)
	server, err := rtc.NewServer(rtc.Options{
		UDP: udp, PublicURL: "http://" + door.Listener.Addr().String(),
		Publishers: []rtc.Publishers{rtc.NewFrames(oneStream{stream}, rtc.FramesOptions{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	door.Config.Handler = server.Door()
	door.Start()
	t.Cleanup(func() {
		door.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})

	s := startScript(t, "browser/simulcast.mjs", door.URL+"/whip", "sk_test")
	s.hear("live")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	sizes, pictures, keys := map[int][2]int{}, map[int]int{}, map[int]map[time.Duration]bool{}
	enough := func() bool {
		for id := media.FirstVideo; id < media.FirstVideo+3; id++ {
			if pictures[id] < 60 || len(keys[id]) < 3 {
				return false
			}
		}
		return true
	}
	for !enough() {
		frames, err := reader.Next(ctx)
		if err != nil {
			t.Fatalf("%v; pictures by track: %v", err, pictures)
		}
		for _, f := range frames {
			if f.Track.Kind != media.Video {
				continue
			}
			id := f.Track.ID
			sizes[id] = [2]int{f.Track.Width, f.Track.Height}
			pictures[id]++
			if f.Key {
				if keys[id] == nil {
					keys[id] = map[time.Duration]bool{}
				}
				keys[id][f.PTS] = true
			}
		}
	}
	want := map[int][2]int{1: {1280, 720}, 2: {640, 360}, 3: {320, 180}}
	for id, size := range want {
		if sizes[id] != size {
			t.Errorf("track %d is %v, want %v", id, sizes[id], size)
		}
	}
	together := 0
	for at := range keys[1] {
		if keys[2][at] && keys[3][at] {
			together++
		}
	}
	if together < 2 {
		t.Errorf("%d key frames of the same pictures: %v", together, keys)
	}
	t.Logf("pictures %v, key frames %d, %d of them together", pictures, len(keys[1]), together)
	s.cue("enough")
	s.hear("done")
	if got := stream.Info().Videos; got != 3 {
		t.Errorf("told of %d video tracks", got)
	}
}
