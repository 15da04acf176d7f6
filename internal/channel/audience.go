package channel

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HLS has no goodbye: a viewer is gone when its player stopped asking.
const (
	lowLatencyGone = 3 * time.Second  // blocking reload asks three times a second
	plainGone      = 12 * time.Second // three target durations
	hungUpGone     = time.Second      // a player that closed the connection it waited on; one that only changed its mind asks again
	patience       = 12 * time.Second // more, while no media comes: players that are told to try again take their time
	maxViewers     = 1 << 18          // per channel; later ones are served but not counted
)

// audience counts the viewers of one channel by playback session, however many requests and renditions a
// player has under way.
type audience struct {
	all   *atomic.Int64 // viewers of all channels
	limit int           // of all; 0: none

	mu       sync.Mutex
	sessions map[string]*presence // by names of their own: a request's would keep all of its URL
}

// presence is what is known of one viewer.
type presence struct {
	until   int64 // when it counts as gone, in unix nanoseconds, unless
	waiting int32 // so many of its requests wait for an answer
	hungUp  bool  // nobody took the last answer
}

func newAudience(all *atomic.Int64, limit int) *audience {
	return &audience{all: all, limit: limit, sessions: map[string]*presence{}}
}

// full says whether there is no room for one more viewer anywhere.
func (a *audience) full() bool { return a.limit > 0 && a.all.Load() >= int64(a.limit) }

// arrive notes that a session asks for a playlist, and counts it from now on. It is not ok if there is no room
// for one more viewer. Every arrive that is ok is followed by one answered.
func (a *audience) arrive(session string, lowLatency bool, now time.Time) (ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, known := a.sessions[session]
	if !known {
		if len(a.sessions) >= maxViewers {
			return true
		}
		if n := a.all.Add(1); a.limit > 0 && n > int64(a.limit) {
			a.all.Add(-1)
			return false
		}
		p = &presence{}
		a.sessions[strings.Clone(session)] = p
	}
	p.waiting++
	p.hungUp = false
	p.until = until(lowLatency, now)
	return true
}

// answered notes that a request is over. hungUp tells that nobody was there any more to take the answer.
func (a *audience) answered(session string, lowLatency, hungUp bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, known := a.sessions[session]
	if !known {
		return
	}
	p.waiting--
	if p.hungUp = hungUp; hungUp {
		p.until = min(p.until, now.Add(hungUpGone).UnixNano())
	} else {
		p.until = until(lowLatency, now)
	}
}

func until(lowLatency bool, now time.Time) int64 {
	if lowLatency {
		return now.Add(lowLatencyGone).UnixNano()
	}
	return now.Add(plainGone).UnixNano()
}

// sweep forgets who is gone and counts who is there. dry tells that no media comes.
func (a *audience) sweep(now time.Time, dry bool) int64 {
	t := now.UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	for s, p := range a.sessions {
		until := p.until
		if dry && !p.hungUp {
			until += int64(patience)
		}
		if p.waiting <= 0 && until < t {
			delete(a.sessions, s)
			a.all.Add(-1)
		}
	}
	return int64(len(a.sessions))
}

// leave forgets everybody.
func (a *audience) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all.Add(-int64(len(a.sessions)))
	clear(a.sessions)
}
