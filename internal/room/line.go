package room

import (
	"sync"
	"sync/atomic"
)

// maxInLine is how many messages of one room wait for review, or behind one that does. At a room's highest rate
// that is ten seconds' worth, many times what a review takes.
const maxInLine = 1024

// line lets messages out in the order in which they were accepted, however long each one's review takes. The zero
// value is empty.
type line struct {
	size atomic.Int32 // turns that were given and not yet let out

	mu      sync.Mutex
	waiting []*turn // oldest first
	busy    bool    // somebody is letting turns out
}

// turn is a message's place. Before it is settled its message must not go out; nor must those behind it.
type turn struct {
	settled bool
	say     func() // nil: nothing goes out
}

// empty says whether a message that is accepted now may go out without a turn. It may not while an earlier one of
// the same connection has one.
func (l *line) empty() bool { return l.size.Load() == 0 }

// join gives the last place; nil if there are too many.
func (l *line) join() *turn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.size.Load() >= maxInLine {
		return nil
	}
	l.size.Add(1)
	t := &turn{}
	l.waiting = append(l.waiting, t)
	return t
}

// settle says what is to happen at a turn, and lets out all that is now free to go: one after the other, unlocked,
// on the goroutine of whoever freed it or is at it already.
func (l *line) settle(t *turn, say func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.settled, t.say = true, say
	if l.busy {
		return
	}
	l.busy = true
	for len(l.waiting) > 0 && l.waiting[0].settled {
		first := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		if first.say != nil {
			l.mu.Unlock()
			first.say()
			l.mu.Lock()
		}
		l.size.Add(-1)
	}
	l.busy = false
	if len(l.waiting) == 0 {
		l.waiting = nil
	}
}
