package hls

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

func TestLanesAreCutAtTheSameTimes(t *testing.T) {
	const length = 30 * time.Second
	all := func(do func(i int, r *rung)) func([]rung) {
		return func(r []rung) {
			for i := range r {
				do(i, &r[i])
			}
		}
	}
	for name, c := range map[string]struct {
		change      func(r []rung)
		stories     []string
		independent []float64 // at least
		cuts        uint64
	}{
		"aligned": {
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"with B-frames": {
			change:  all(func(_ int, r *rung) { r.reorder = true }),
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"29.97 fps, 8 s between key frames": {
			change:  all(func(_ int, r *rung) { r.frame, r.gop = fps(30000./1001), 8*time.Second }),
			stories: []string{"0", "1", "2"},
		},
		"the best at 60 fps": {
			change:  func(r []rung) { r[0].frame = fps(60) },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"timestamps some milliseconds apart": {
			change:  func(r []rung) { r[1].shift, r[2].shift = 9*time.Millisecond, -9*time.Millisecond },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"key frames at other times": {
			change:  func(r []rung) { r[1].gop, r[2].gop = 1700*time.Millisecond, 3100*time.Millisecond },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0, 0},
		},
		"one a little late": {
			change:  func(r []rung) { r[1].delay = 60 * time.Millisecond },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"the best a little late": {
			change:  func(r []rung) { r[0].delay = 60 * time.Millisecond },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 0.8},
		},
		"one far too late": {
			change:  func(r []rung) { r[1].delay = 250 * time.Millisecond },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0, 0.8},
		},
		"one begins half a second late": {
			change:  func(r []rung) { r[1].delay, r[1].shift = 500*time.Millisecond, 500*time.Millisecond },
			stories: []string{"0", "x 1", "2"}, independent: []float64{0.8, 0, 0.8},
		},
		"the middle one vanishes": {
			change:  func(r []rung) { r[1].to = 9500 * time.Millisecond },
			stories: []string{"0", "1 x 2", "2"}, independent: []float64{0.8, 0.8, 0.8}, cuts: 1,
		},
		"the middle one pauses": {
			change:  func(r []rung) { r[1].noVideoFrom, r[1].noVideoTo = 9500*time.Millisecond, 15900*time.Millisecond },
			stories: []string{"0", "1 x 2 1", "2"}, independent: []float64{0.8, 0.8, 0.8}, cuts: 2,
		},
		"the best one pauses": {
			change:  func(r []rung) { r[0].noVideoFrom, r[0].noVideoTo = 9500*time.Millisecond, 15900*time.Millisecond },
			stories: []string{"0 x 1 0", "1", "2"}, independent: []float64{0.7, 0.7, 0.7}, cuts: 2,
		},
		"one comes after five seconds": {
			change:  func(r []rung) { r[2].from = 5 * time.Second },
			stories: []string{"0", "1", "2"}, independent: []float64{0.8, 0.8, 1},
		},
		"the best comes after five seconds": {
			change:  func(r []rung) { r[0].from = 5 * time.Second },
			stories: []string{"1", "2", "0"}, independent: []float64{0.8, 0.8, 1},
		},
	} {
		for _, sound := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, sound %v", name, sound), func(t *testing.T) {
				w := newWatch(t)
				w.videos = 3
				w.session(ladder(length, 3, c.change, sound))
				if len(w.lanes) != 3 {
					t.Fatalf("%d lanes", len(w.lanes))
				}
				for i, l := range w.lanes {
					if got := l.story(); got != c.stories[i] {
						t.Errorf("lane %d carried %s, want %s", i, got, c.stories[i])
					}
					if c.independent != nil && l.independent() < c.independent[i] {
						t.Errorf("lane %d: %.0f %% of the segments begin with a key frame", i, 100*l.independent())
					}
					if got := l.discontinuities(); got != c.cuts {
						t.Errorf("lane %d: %d discontinuities", i, got)
					}
				}
			})
		}
	}
}

func TestARunOfFewerRenditionsKeepsTheLanes(t *testing.T) {
	w := newWatch(t)
	at := testStart
	var want [3][]string
	for _, n := range []int{1, 3, 1, 2, 3} {
		w.videos = n
		w.session(ladder(7*time.Second, n, func(r []rung) {
			for i := range r {
				r[i].start = at
			}
		}, true))
		for i := range want {
			carried := fmt.Sprint(min(i, n-1))
			if i < len(w.lanes) && (len(want[i]) == 0 || want[i][len(want[i])-1] != carried) {
				want[i] = append(want[i], carried)
			}
		}
		at = at.Add(9 * time.Second)
	}
	for i, l := range w.lanes {
		if got := l.story(); got != strings.Join(want[i], " ") {
			t.Errorf("lane %d carried %s, want %v", i, got, want[i])
		}
	}
	if got := w.lanes[0].discontinuities(); got != 4 {
		t.Errorf("%d discontinuities", got)
	}
}

func TestSizesThatChangeMakeOneDiscontinuityInAllLanes(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	frames := ladder(20*time.Second, 3, nil, true)
	other := [3]*media.Track{}
	for i := range other {
		other[i] = rungTrack(i)
		other[i].Width, other[i].Height = other[i].Width/2, other[i].Height/2
	}
	mid := rungTrack(1)
	mid.Width, mid.Height = 960, 540
	for i, f := range frames {
		if f.Track.Kind != media.Video {
			continue
		}
		g := *f
		at, lane := f.Arrived.Sub(testStart), f.Track.ID-media.FirstVideo
		switch {
		case at >= 13900*time.Millisecond && lane == 1:
			g.Track = mid
		case at >= 7900*time.Millisecond:
			g.Track = other[lane]
		}
		frames[i] = &g
	}
	w.session(frames)
	for i, l := range w.lanes {
		if got := l.discontinuities(); got != 2 {
			t.Errorf("lane %d: %d discontinuities", i, got)
		}
		if got := l.independent(); got < 0.8 {
			t.Errorf("lane %d: %.0f %% of the segments begin with a key frame", i, 100*got)
		}
	}
	s := w.p.current.Load()
	for i, want := range []string{"960x540", "960x540", "320x180"} {
		if v := s.lane(i).variant; fmt.Sprintf("%dx%d", v.width, v.height) != want {
			t.Errorf("lane %d is %dx%d, want %s", i, v.width, v.height, want)
		}
	}
}

func TestAJumpOfTimestampsKeepsLanesAligned(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	a := ladder(5100*time.Millisecond, 3, nil, true)
	b := ladder(8*time.Second, 3, func(r []rung) {
		for i := range r {
			r[i].start, r[i].origin = testStart.Add(5100*time.Millisecond), 300*time.Second
		}
	}, true)
	w.session(append(a, b...))
	for i, l := range w.lanes {
		if got := l.discontinuities(); got != 1 {
			t.Errorf("lane %d: %d discontinuities", i, got)
		}
		if got := l.story(); got != fmt.Sprint(i) {
			t.Errorf("lane %d carried %s", i, got)
		}
		if got := l.independent(); got < 0.7 { // all but the two short ones of the start
			t.Errorf("lane %d: %.0f %% of the segments begin with a key frame", i, 100*got)
		}
	}
}

func TestFirstPartOfALadderComesWithItsLastFrame(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	w.session(ladder(5*time.Second, 3, nil, true))
	if wait := w.first.Sub(testStart); wait > 320*time.Millisecond {
		t.Errorf("first part after %v", wait)
	}
}

// What was announced and does not come is waited for no longer than sound.
func TestAnAnnouncedRenditionThatNeverComes(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	w.session(ladder(6*time.Second, 2, nil, true))
	if wait := w.first.Sub(testStart); wait > audioPatience+100*time.Millisecond {
		t.Errorf("first part after %v", wait)
	}
	if len(w.lanes) != 2 {
		t.Errorf("%d lanes", len(w.lanes))
	}
}

func TestALadderIsBoundedAndSharesWhatStandsIn(t *testing.T) {
	held := func(s *snapshot) (n int) {
		for _, g := range append(append([]*segment(nil), s.retired...), s.segments...) {
			n += g.size()
		}
		return n
	}
	p := New(Options{MaxBytes: 6 << 20, Now: func() time.Time { return testStart }})
	s := newSession(p.Window, p.log, p.now)
	s.videos = 3
	for _, f := range ladder(20*time.Second, 3, func(r []rung) {
		for i := range r {
			r[i].bytes *= 7
		}
	}, true) {
		if err := s.frame(f); err != nil {
			t.Fatal(err)
		}
		if n := held(p.current.Load()); n > 6<<20+500_000 {
			t.Fatalf("%d bytes held", n)
		}
	}

	w := newWatch(t)
	w.videos = 3
	w.session(ladder(3*time.Second, 3, nil, true))
	w.session(ladder(20*time.Second, 1, func(r []rung) { r[0].start = testStart.Add(5 * time.Second) }, true))
	at := w.p.current.Load()
	last := at.segments[len(at.segments)-1]
	if last.bytes != last.lane(2).bytes || last.size() != last.bytes {
		t.Errorf("lanes of %d and %d bytes hold %d", last.bytes, last.lane(2).bytes, last.size())
	}
	if &last.parts[0].data[0] != &last.lane(1).parts[0].data[0] {
		t.Error("a lane that carries another's rendition has a copy of it")
	}
}

// When the best rendition floods and time stands still, nothing grows.
func TestAFollowerThatFloodsIsBounded(t *testing.T) {
	p := New(Options{MaxBytes: 4 << 20, Now: func() time.Time { return testStart }})
	s := newSession(p.Window, p.log, p.now)
	best, other := rungTrack(0), rungTrack(1)
	for n := range 30_000 {
		track := other
		if n%1000 == 0 {
			track = best
		}
		if err := s.frame(&media.Frame{Track: track, Key: true, Payload: make([]byte, 1000), Arrived: testStart}); err != nil {
			t.Fatal(err)
		}
		for _, l := range s.layers {
			if len(l.queue) > layerFrames || l.bytes > 4<<20/8 {
				t.Fatalf("%d frames of %d bytes wait", len(l.queue), l.bytes)
			}
		}
		if len(s.waiting) > mostWaiting {
			t.Fatalf("%d frames wait for others", len(s.waiting))
		}
	}
}

func TestMultivariantOfALadder(t *testing.T) {
	w := newWatch(t)
	w.videos = 3
	w.session(ladder(9*time.Second, 3, nil, true))
	s := w.p.current.Load()
	for lines, want := range map[int]string{
		0: "av.m3u8?s=a av1.m3u8?s=a av2.m3u8?s=a", 1080: "av.m3u8?s=a av1.m3u8?s=a av2.m3u8?s=a",
		720: "av1.m3u8?s=a av2.m3u8?s=a", 480: "av2.m3u8?s=a", 100: "av2.m3u8?s=a",
	} {
		text := string(appendMultivariant(nil, s, "av.m3u8?s=a", lines))
		variants, faults := hlscheck.Multivariant(text)
		if len(faults) > 0 || strings.Join(variants, " ") != want {
			t.Errorf("up to %d lines: %v %v", lines, variants, faults)
		}
		for i, name := range strings.Fields("av.m3u8?s=a av1.m3u8?s=a av2.m3u8?s=a") {
			if w.p.Allows(i, lines) != strings.Contains(want, name) {
				t.Errorf("up to %d lines: lane %d is allowed: %v", lines, i, w.p.Allows(i, lines))
			}
		}
	}
	golden(t, "multivariant-ladder.m3u8", string(appendMultivariant(nil, s, "av.m3u8", 0)))
	w.begin()
	w.feed(ladder(3*time.Second, 3, func(r []rung) {
		for i := range r {
			r[i].start = testStart.Add(12 * time.Second)
		}
	}, true))
	golden(t, "ladder-lane-1.m3u8", random.ReplaceAllString(string(w.p.current.Load().lane(1).playlist.plain), "$1-SESSION-RANDOM."))
}
