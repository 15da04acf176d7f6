package channel

import (
	"sync"
	"sync/atomic"
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
	all   *atomic.Int64 // viewers of all channels
	limit int           // of all; 0: none

	mu   sync.Mutex
	last map[string]int64 // session → when it counts as gone, in unix nanoseconds
}

func newAudience(all *atomic.Int64, limit int) *audience {
	return &audience{all: all, limit: limit, last: map[string]int64{}}
}

// full says whether there is no room for one more viewer anywhere.
func (a *audience) full() bool { return a.limit > 0 && a.all.Load() >= int64(a.limit) }

// admit says whether a session may watch: it is known, or there is room. Then it counts from now on.
func (a *audience) admit(session string, now time.Time) bool {
	if a.limit <= 0 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.last[session]; known {
		return true
	}
	if a.all.Add(1) > int64(a.limit) {
		a.all.Add(-1)
		return false
	}
	a.last[session] = now.Add(plainGone).UnixNano()
	return true
}

// seen notes a playlist request of a session.
func (a *audience) seen(session string, lowLatency bool, now time.Time) {
	stay := plainGone
	if lowLatency {
		stay = lowLatencyGone
	}
	until := now.Add(stay).UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, known := a.last[session]; !known {
		if len(a.last) >= maxViewers {
			return
		}
		a.all.Add(1)
	}
	a.last[session] = until
}

// sweep forgets who is gone and counts who is there.
func (a *audience) sweep(now time.Time) int64 {
	t := now.UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, until := range a.last {
		if until < t {
			delete(a.last, s)
			a.all.Add(-1)
		}
	}
	return int64(len(a.last))
}

// leave forgets everybody.
func (a *audience) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Add(-int64(len(a.last)))
	clear(a.last)
}
