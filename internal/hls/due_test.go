package hls

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// steadyFeeds are those whose next part's end can be foretold.
var steadyFeeds = map[string]feed{
	"60 fps":                {frame: fps(60)},
	"59.94 fps":             {frame: fps(60000. / 1001)},
	"50 fps":                {frame: fps(50)},
	"30 fps":                {},
	"29.97 fps, B-frames":   {frame: fps(30000. / 1001), reorder: true},
	"29.97 fps, a long GOP": {frame: fps(30000. / 1001), gop: 8 * time.Second},
	"25 fps":                {frame: fps(25)},
	"25 fps, an odd GOP":    {frame: fps(25), gop: 2800 * time.Millisecond},
	"24 fps":                {frame: fps(24), gop: 3 * time.Second},
	"15 fps":                {frame: fps(15)},
	"5 fps":                 {frame: fps(5), gop: 10 * time.Second},
}

// A publisher that goes by what the packager wants brings each frame that ends a part as soon as one that does not,
// and few others.
func TestWhatEndsAPartIsWanted(t *testing.T) {
	for name, f := range steadyFeeds {
		t.Run(name, func(t *testing.T) {
			now := func() time.Time { return testStart }
			p := New(Options{Now: now})
			s := newSession(p.Window, p.log, now)
			f.length, f.audio = 40*time.Second, audioTrack()
			var wanted, ended int
			for _, frame := range f.frames() {
				due, parts := s.nextFrame(), p.nextPart
				if err := s.frame(frame); err != nil {
					t.Fatal(err)
				}
				if frame.DTS < 20*time.Second { // it knows the pace for sure
					continue
				}
				if due == media.AtOnce {
					t.Fatalf("before the frame at %v the packager cannot tell what it wants", frame.DTS)
				}
				if frame.DTS >= due {
					wanted++
				} else if p.nextPart > parts {
					t.Errorf("the frame at %v (kind %v) ended a part, and was not wanted before %v", frame.DTS, frame.Track.Kind, due)
				}
				if p.nextPart > parts {
					ended++
				}
			}
			if ended == 0 || float64(wanted) > 2.5*float64(ended) {
				t.Errorf("%d frames were wanted for %d parts", wanted, ended)
			}
		})
	}
}
