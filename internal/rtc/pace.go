package rtc

import (
	"sync/atomic"
	"time"
)

const (
	// paceDepth is how much of what the line carries a client gets at once; what is more waits.
	paceDepth = 20 * time.Millisecond
	// paceMost is how long a packet waits at most: for that, packets go faster than the line carries them.
	paceMost = 200 * time.Millisecond
	// paceEvery is how often some of what waits is sent.
	paceEvery = 5 * time.Millisecond
	// paceBytes bounds what waits; with more, all is sent at once.
	paceBytes = 256 << 10
)

// pacer spreads bursts of pictures that are for a line known to be narrow, so that short queues on the way hold what
// the line cannot take at once of a key frame. All but rate is guarded by the outbox's mutex.
type pacer struct {
	rate atomic.Int64 // bytes/s; 0: nothing is spread

	queue []*pending
	bytes int     // that wait
	hurry float64 // how fast they must go for none to wait too long, bytes/s
	room  float64 // bytes that may go now
	last  time.Time
	timer *time.Timer
	part  pending // that is being sent
}

func (c *pacer) speed() float64 { return max(float64(c.rate.Load()), c.hurry) }

// refill counts what may go by now.
func (c *pacer) refill(now time.Time) {
	speed := c.speed()
	c.room = min(c.room+speed*now.Sub(c.last).Seconds(), speed*paceDepth.Seconds())
	c.last = now
}

// put gives the pending that the next packet, of at most n bytes, goes to.
func (c *pacer) put(n int, now time.Time) *pending {
	c.refill(now)
	if i := len(c.queue) - 1; i >= 0 {
		if p := c.queue[i]; len(p.bytes)+n <= pendingBytes && len(p.sizes) < cap(p.sizes) {
			return p
		}
	}
	p := pendings.Get().(*pending)
	c.queue = append(c.queue, p)
	return p
}

// grew counts a packet that was put.
func (c *pacer) grew(n int) {
	c.bytes += n
	c.hurry = max(c.hurry, (float64(c.bytes)-min(c.room, 0))/paceMost.Seconds())
}

// wait is how long a packet waits that is put now.
func (c *pacer) wait() time.Duration {
	if speed := c.speed(); speed > 0 {
		return max(0, min(paceMost, time.Duration((float64(c.bytes)-c.room)/speed*float64(time.Second))))
	}
	return 0
}

// release sends what may go by now, and sees to the rest later. The mutex is held.
func (o *outbox) release(now time.Time) {
	c := &o.pace
	c.refill(now)
	all := c.rate.Load() == 0 || c.bytes > paceBytes
	for len(c.queue) > 0 && (all || c.room > 0) {
		p := c.queue[0]
		n, size := 0, 0
		for n < len(p.sizes) && (all || c.room > 0) {
			size += int(p.sizes[n])
			c.room -= float64(p.sizes[n])
			n++
		}
		c.part = pending{bytes: p.bytes[:size], sizes: p.sizes[:n]}
		o.send(&c.part)
		c.bytes -= size
		p.bytes = p.bytes[:copy(p.bytes, p.bytes[size:])]
		p.sizes = p.sizes[:copy(p.sizes, p.sizes[n:])]
		if len(p.sizes) > 0 {
			break
		}
		pendings.Put(p)
		c.queue = append(c.queue[:0], c.queue[1:]...)
	}
	if all {
		c.room = 0
	}
	switch {
	case len(c.queue) == 0:
		c.hurry = 0
	case c.timer == nil:
		c.timer = time.AfterFunc(paceEvery, o.flush)
	default:
		c.timer.Reset(paceEvery)
	}
}
