package ingest

import "time"

// Timestamps of RTMP are milliseconds of 32 bits that wrap; some encoders wrap at 24 bits. Encoders
// restart them at zero when a file loops, let one track fall behind, or jump after a stall.
const (
	clockLead   = 1000   // ms: what the first sample is given, so that a track that begins a little earlier fits
	clockAhead  = 10_000 // ms: a larger step forward past all tracks is a jump, not a gap
	clockBehind = 500    // ms: a larger step backward is a jump, not disorder
)

// clock turns the timestamps of all tracks of one publisher into one timeline that never goes back
// within a track. After a jump the timeline goes on where it was; tracks that jump together stay in
// step with each other.
type clock struct {
	scale  int64 // ticks of the timestamps in a millisecond; 0 stands for 1
	begun  bool
	shift  int64 // what is taken off a raw time since the latest jump
	newest int64 // the largest time given so far
}

// trackClock is the part of a clock that belongs to one track.
type trackClock struct {
	begun bool
	raw   int64 // the latest timestamp, unwrapped
	last  int64 // the latest time given
	step  int64 // the latest step between two samples, a guess at the next
	shift int64
}

// at gives the time of a sample of track t. Within a track every time is larger than the one before.
func (c *clock) at(t *trackClock, timestamp uint32) time.Duration {
	switch {
	case t.begun:
		return c.place(t, unwrap(t.raw, timestamp))
	case c.begun: // timestamps may have wrapped since the first track began
		return c.place(t, unwrap(c.newest+c.shift, timestamp))
	}
	return c.place(t, int64(timestamp))
}

// place is at for a timestamp that was unwrapped by its own rules.
func (c *clock) place(t *trackClock, raw int64) time.Duration {
	t.raw = raw
	if !t.begun {
		if !c.begun {
			c.begun = true
			c.shift = t.raw - c.ticks(clockLead)
			c.newest = c.ticks(clockLead)
		}
		t.shift = c.shift
		// Nothing may be before zero; last is what the first sample must exceed.
		t.last, t.step = -1, 0
		if out := t.raw - t.shift; out < c.newest-c.ticks(clockLead) || out > c.newest+c.ticks(clockAhead) {
			t.shift = t.raw - c.newest
		}
		t.begun = true
		return c.give(t, t.raw-t.shift)
	}
	out := t.raw - t.shift
	if !c.fits(t, out) {
		if other := t.raw - c.shift; c.fits(t, other) {
			t.shift = c.shift // another track has jumped before: this one follows it
		} else {
			c.shift = t.raw - max(c.newest, t.last) - max(t.step, 1)
			t.shift = c.shift
		}
		out = t.raw - t.shift
	}
	return c.give(t, out)
}

func (c *clock) fits(t *trackClock, out int64) bool {
	return out >= t.last-c.ticks(clockBehind) && out <= c.newest+c.ticks(clockAhead)
}

func (c *clock) give(t *trackClock, out int64) time.Duration {
	if out <= t.last {
		out = t.last + 1
	} else if t.last >= 0 {
		t.step = min(out-t.last, c.ticks(1000))
	}
	t.last = out
	c.newest = max(c.newest, out)
	ms := c.ticks(1)
	return time.Duration(out/ms)*time.Millisecond + time.Duration(out%ms)*time.Millisecond/time.Duration(ms)
}

func (c *clock) ticks(ms int64) int64 { return ms * max(c.scale, 1) }

// unwrap continues the 64-bit count prev with the timestamp that follows it.
func unwrap(prev int64, timestamp uint32) int64 {
	d := int64(int32(timestamp - uint32(prev)))
	if back := d + 1<<24; d < 0 && back >= -clockBehind && back <= clockAhead {
		d = back // wrapped at 24 bits
	}
	return prev + d
}
