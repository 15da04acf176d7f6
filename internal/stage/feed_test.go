package stage

import "testing"

// Wiring may come in another order than what it follows from.
func TestOlderPublicationNeverDisplacesANewer(t *testing.T) {
	f := &feed{wired: map[*watcher]struct{}{}}
	older, newer := &publication{}, &publication{}
	f.take(newer, 2)
	f.take(older, 1)
	if f.source != newer {
		t.Error("the older one took over")
	}
	f.drop(older)
	if f.source != newer {
		t.Error("the end of the older one ended the newer")
	}
	f.drop(newer)
	f.take(newer, 3)
	if f.source != nil {
		t.Error("one that has ended is the source")
	}
}

func TestAnAttemptThatEndsDoesNotKeepAnotherFromBeingTheSource(t *testing.T) {
	f := &feed{wired: map[*watcher]struct{}{}}
	works, fails := &publication{}, &publication{}
	f.drop(fails)
	f.take(works, 1)
	if f.source != works {
		t.Error("nobody sees the one that works")
	}
}
