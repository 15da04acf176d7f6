package hls

import (
	"testing"
	"time"
)

// A range is told of from its beginning to when nothing listed is in it any more; the checker of watch
// holds that it keeps what it said.
func TestARangeStaysWhileItTouchesAListedSegment(t *testing.T) {
	w := newWatch(t)
	frames := feed{length: 60 * time.Second}.frames()
	w.begin()
	w.feed(frames[:len(frames)/6])
	start := w.now
	w.p.AddRange(DateRange{ID: "a", Class: "c", Start: start, Planned: 5 * time.Second})
	w.look()
	var from, over, gone time.Duration
	for _, f := range frames[len(frames)/6:] {
		w.now = f.Arrived
		if err := w.s.frame(f); err != nil {
			t.Fatal(err)
		}
		w.look()
		list := w.playlist.Last()
		at := w.now.Sub(start)
		switch {
		case len(list.Ranges) == 0 && gone == 0:
			gone = at
			if first := list.Segments[0].Date; first.Before(start.Add(5 * time.Second)) {
				t.Errorf("gone, though %v is listed", first)
			}
		case len(list.Ranges) == 1:
			if gone != 0 {
				t.Fatalf("it came back after %v", at)
			}
			if from == 0 {
				from = at
			}
			if r := list.Ranges[0]; over == 0 && r.Duration >= 0 {
				over = at
				if r.Duration != 5 {
					t.Errorf("it lasted %v s", r.Duration)
				}
			}
		}
	}
	if from > time.Second || over < 4*time.Second || over > 6*time.Second || gone < 12*time.Second {
		t.Errorf("listed after %v, over after %v, gone after %v", from, over, gone)
	}
}

func TestARangeEndsWithItsSession(t *testing.T) {
	w := newWatch(t)
	frames := feed{length: 10 * time.Second}.frames()
	w.begin()
	w.feed(frames[:150])
	w.p.AddRange(DateRange{ID: "a", Class: "c", Start: w.now, Planned: time.Minute})
	w.look()
	w.feed(frames[150:])
	w.s.finish()
	w.look()
	if r := w.playlist.Last().Ranges[0]; r.Duration < 4.5 || r.Duration > 5.5 || r.Planned != 60 {
		t.Errorf("it lasted %v s of %v", r.Duration, r.Planned)
	}
}
