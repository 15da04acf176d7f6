package review

import (
	"sync"
	"time"
)

const (
	openAfter = 5                // failures in a row
	openFirst = time.Second      // from opening to the first probe; doubled by each probe that fails
	openMost  = 30 * time.Second // what that doubling comes to
)

// breaker decides whether a handler is asked at all. It opens after openAfter failures in a row. Open, it lets one
// question through now and then; one that works closes it. The zero value is closed.
type breaker struct {
	mu       sync.Mutex
	failures int // in a row
	open     bool
	probing  bool
	next     time.Time     // when the next probe is due
	pause    time.Duration // before it
}

// admit says whether to ask, and whether that is a probe, on which the others wait.
func (b *breaker) admit(now time.Time) (ok, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return true, false
	}
	if b.probing || now.Before(b.next) {
		return false, false
	}
	b.probing = true
	return true, true
}

// worked notes an answer and says whether that closed the breaker.
func (b *breaker) worked() (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	closed = b.open
	b.failures, b.open, b.probing, b.pause = 0, false, false, 0
	return closed
}

// failed notes that there was none and says whether that opened the breaker. What was asked before it opened and
// fails afterwards tells nothing new.
func (b *breaker) failed(now time.Time, probe bool) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.open && !probe:
		return false
	case b.open:
		b.probing = false
		b.pause = min(2*b.pause, openMost)
	default:
		if b.failures++; b.failures < openAfter {
			return false
		}
		opened, b.open, b.pause = true, true, openFirst
	}
	b.next = now.Add(b.pause)
	return opened
}

// abandon is for a question that was admitted and then not asked.
func (b *breaker) abandon(probe bool) {
	if !probe {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}
