package impair

import (
	"container/heap"
	"sync"
	"time"
)

// held is a packet that is on its way until due.
type held struct {
	due   time.Time
	nth   uint64
	relay *Relay
	c     *client
	way   Way
	b     []byte
}

// line sends packets on when they are due; those due at the same time in the order in which they came.
type line struct {
	mu     sync.Mutex
	queue  queue
	nth    uint64
	closed bool
	wake   chan struct{} // something came that may be due before all others, or the line was closed
}

func (l *line) init() { l.wake = make(chan struct{}, 1) }

// put says whether there was room.
func (l *line) put(h *held) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.queue) == maxHeld {
		return false
	}
	h.nth = l.nth
	l.nth++
	heap.Push(&l.queue, h)
	if l.queue[0] == h {
		l.stir()
	}
	return true
}

func (l *line) stir() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.queue = nil
	l.stir()
}

func (l *line) run() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		h, wait, open := l.next()
		switch {
		case !open:
			return
		case h != nil:
			h.relay.forward(h.c, h.way, h.b)
			continue
		}
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-l.wake:
		}
	}
}

// next takes the packet that is due, or says how long there is to wait for one.
func (l *line) next() (h *held, wait time.Duration, open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, 0, false
	}
	if len(l.queue) == 0 {
		return nil, time.Hour, true
	}
	if wait = time.Until(l.queue[0].due); wait > 0 {
		return nil, wait, true
	}
	return heap.Pop(&l.queue).(*held), 0, true
}

type queue []*held

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*held)) }
func (q queue) Less(i, j int) bool {
	if q[i].due.Equal(q[j].due) {
		return q[i].nth < q[j].nth
	}
	return q[i].due.Before(q[j].due)
}

func (q *queue) Pop() any {
	old := *q
	h := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return h
}
