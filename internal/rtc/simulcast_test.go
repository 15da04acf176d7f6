package rtc

import (
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// encodedLayers makes a simulcast of three sizes.
func encodedLayers(t *testing.T) (list []rtctest.Layer) {
	for _, l := range [][2]string{{"q", "160x90"}, {"h", "320x180"}, {"f", "640x360"}} {
		video, _ := encodeWHIP(t, "", "2", "-s", l[1])
		layer := rtctest.Layer{RID: l[0]}
		for _, c := range video {
			unit := []byte(nil)
			for _, nal := range c.nals {
				unit = append(append(unit, 0, 0, 0, 1), nal...)
			}
			layer.Video = append(layer.Video, unit)
		}
		list = append(list, layer)
	}
	return list
}

func TestAllLayersOfAPublisherReachItsChannel(t *testing.T) {
	stream := media.NewStream()
	reader := stream.NewReader(media.ReaderOptions{})
	defer reader.Close()
	w := newWorld(t, func(o *Options) {
		o.Publishers = []Publishers{NewFrames(&gate{stream: stream}, FramesOptions{})}
	})
	p := rtctest.Publish(t, w.http.URL+"/whip", "sk_key", rtctest.Options{Layers: encodedLayers(t), H264Only: true})
	if !strings.Contains(p.Answer, "a=simulcast:recv q;h;f\r\n") {
		t.Fatalf("the answer takes no simulcast:\n%s", p.Answer)
	}
	if got := stream.Info().Videos; got != 3 {
		t.Errorf("told of %d video tracks", got)
	}
	pictures, keys := map[int]int{}, map[int][]time.Duration{}
	for pictures[1] < 60 || pictures[2] < 60 || pictures[3] < 60 {
		frames, err := reader.Next(t.Context())
		if err != nil {
			t.Fatalf("%v; pictures by track: %v", err, pictures)
		}
		for _, f := range frames {
			if f.Track.Kind != media.Video {
				continue
			}
			if want := [4]int{0, 640, 320, 160}[f.Track.ID]; f.Track.Width != want {
				t.Fatalf("track %d is %d wide, want %d", f.Track.ID, f.Track.Width, want)
			}
			pictures[f.Track.ID]++
			if f.Key {
				keys[f.Track.ID] = append(keys[f.Track.ID], f.PTS)
			}
		}
	}
	for id := 2; id <= 3; id++ {
		if keys[id][0] != keys[1][0] {
			t.Errorf("track %d begins at %v, the largest at %v", id, keys[id][0], keys[1][0])
		}
	}
	if p.PLIs.Load() == 0 {
		t.Error("no key frame was asked for")
	}
	p.Leave(t)
}

func TestWhoTakesNoSimulcastGetsOneLayer(t *testing.T) {
	w := newWorld(t, nil)
	p := w.publish(t, rtctest.Options{Layers: encodedLayers(t), H264Only: true})
	if strings.Contains(p.Answer, "simulcast") {
		t.Fatalf("the answer takes simulcast:\n%s", p.Answer)
	}
	w.until(t, "a picture", func() bool { s := w.up.sinks[Video]; return s != nil && s.packets > 30 })
	if w.up.request.Layers != 3 {
		t.Errorf("told of %d layers", w.up.request.Layers)
	}
}
