package channel

import (
	"sync"
	"time"
)

// HLS has no goodbye: a viewer is gone when its player stopped asking.
const (
	lowLatencyGone = 3 * time.Second  // blocking reload asks three times a second
	plainGone      = 12 * time.Second // three target durations
	maxViewers     = 1 << 18          // per channel; later ones are served but not counted
)

// audience counts the viewers of one channel by playback session.
type audience struct {
	mu   sync.Mutex
	last map[string]int64 // session → when it counts as gone, in unix nanoseconds
}

func newAudience() *audience { return &audience{last: map[string]int64{}} }

// seen notes a playlist request of a session.
func (a *audience) seen(session string, lowLatency bool, now time.Time) {
	stay := plainGone
	if lowLatency {
		stay = lowLatencyGone
	}
	until := now.Add(stay).UnixNano()
	a.mu.Lock()
	if _, known := a.last[session]; known || len(a.last) < maxViewers {
		a.last[session] = until
	}
	a.mu.Unlock()
}

// sweep forgets who is gone and counts who is there.
func (a *audience) sweep(now time.Time) int64 {
	t := now.UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, until := range a.last {
		if until < t {
			delete(a.last, s)
		}
	}
	return int64(len(a.last))
}
