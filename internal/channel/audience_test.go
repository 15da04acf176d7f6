package channel

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

func TestWhoCountsAsAViewer(t *testing.T) {
	start := time.Unix(1_800_000_000, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	const ms, s = time.Millisecond, time.Second
	for name, c := range map[string]struct {
		story func(a *audience)
		dry   bool
		there []time.Duration
		gone  []time.Duration
	}{
		"a low-latency player is gone after three seconds": {
			story: func(a *audience) { a.arrive("v", true, at(0)); a.answered("v", true, false, at(300*ms)) },
			there: []time.Duration{s, 3 * s, 3300 * ms}, gone: []time.Duration{3301 * ms, 60 * s},
		},
		"a plain player is gone after three target durations": {
			story: func(a *audience) { a.arrive("v", false, at(0)); a.answered("v", false, false, at(0)) },
			there: []time.Duration{4 * s, 12 * s}, gone: []time.Duration{12*s + 1},
		},
		"a plain player that turns to low latency is told by its last request": {
			story: func(a *audience) {
				a.arrive("v", false, at(0))
				a.answered("v", false, false, at(0))
				a.arrive("v", true, at(0))
				a.answered("v", true, false, at(s))
			},
			there: []time.Duration{4 * s}, gone: []time.Duration{4*s + 1},
		},
		"a request that hangs counts while it waits": {
			story: func(a *audience) { a.arrive("v", true, at(0)) },
			there: []time.Duration{3 * s, 12 * s, 100 * s},
		},
		"who hangs up is gone after a second": {
			story: func(a *audience) { a.arrive("v", true, at(0)); a.answered("v", true, true, at(200*ms)) },
			there: []time.Duration{1200 * ms}, gone: []time.Duration{1201 * ms},
		},
		"who hangs up and asks again stays": {
			story: func(a *audience) {
				a.arrive("v", true, at(0))
				a.answered("v", true, true, at(200*ms))
				a.arrive("v", true, at(300*ms))
			},
			there: []time.Duration{2 * s, 20 * s},
		},
		"one of two requests that hang up does not end the other": {
			story: func(a *audience) {
				a.arrive("v", true, at(0))
				a.arrive("v", true, at(0))
				a.answered("v", true, true, at(0))
			},
			there: []time.Duration{20 * s},
		},
		"while no media comes players may take their time": {
			dry:   true,
			story: func(a *audience) { a.arrive("v", true, at(0)); a.answered("v", true, false, at(0)) },
			there: []time.Duration{3 * s, 15 * s}, gone: []time.Duration{15*s + 1},
		},
		"but who hangs up is gone then, too": {
			dry:   true,
			story: func(a *audience) { a.arrive("v", true, at(0)); a.answered("v", true, true, at(0)) },
			there: []time.Duration{s}, gone: []time.Duration{s + 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for want, times := range map[int64][]time.Duration{1: c.there, 0: c.gone} {
				for _, d := range times {
					var all atomic.Int64
					a := newAudience(&all, 0)
					c.story(a)
					for passed := time.Duration(0); passed < d; passed += s { // as the housekeeping does
						a.sweep(at(passed), c.dry)
					}
					if got := a.sweep(at(d), c.dry); got != want || all.Load() != want {
						t.Errorf("after %v: %d here, %d anywhere, want %d", d, got, all.Load(), want)
					}
				}
			}
		})
	}
}

func TestAStormOfReloadsIsOneViewer(t *testing.T) {
	var all atomic.Int64
	a, now := newAudience(&all, 2), time.Unix(1_800_000_000, 0)
	for i := range 10_000 {
		if !a.arrive("v", i%2 == 0, now) {
			t.Fatal("the viewer who is there is refused")
		}
	}
	if n := a.sweep(now.Add(time.Hour), false); n != 1 || all.Load() != 1 {
		t.Errorf("%d viewers, %d anywhere", n, all.Load())
	}
	for range 10_000 {
		a.answered("v", true, false, now)
	}
	if n := a.sweep(now.Add(time.Minute), false); n != 0 || all.Load() != 0 {
		t.Errorf("%d viewers, %d anywhere", n, all.Load())
	}
}

func TestNoMoreViewersThanThereMayBe(t *testing.T) {
	var all atomic.Int64
	a, b, now := newAudience(&all, 3), newAudience(&all, 3), time.Unix(1_800_000_000, 0)
	for i, of := range []*audience{a, b, a} {
		if !of.arrive(fmt.Sprint(i), true, now) {
			t.Errorf("viewer %d is refused", i)
		}
	}
	if b.arrive("4", true, now) || !b.full() || all.Load() != 3 {
		t.Errorf("a fourth came in: %d", all.Load())
	}
	a.leave()
	if all.Load() != 1 || !b.arrive("4", true, now) {
		t.Errorf("nobody comes after who left: %d", all.Load())
	}
}

// A name is part of a request's URL, which may be long.
func TestAViewersNameKeepsNoRequest(t *testing.T) {
	var all atomic.Int64
	a := newAudience(&all, 0)
	for range 2 {
		url := strings.Repeat("x", 1<<10) + "0123456789abcdef"
		name := url[1<<10:]
		a.arrive(name, true, time.Now())
		a.answered(name, true, false, time.Now())
		for kept := range a.sessions {
			if kept != name || unsafe.StringData(kept) == unsafe.StringData(name) {
				t.Errorf("%q is kept with all around it", kept)
			}
		}
	}
}
