package rtc

import "time"

const (
	clockLead  = time.Second     // what a publisher's first sample is given, so that frames shown before it fit
	clockJump  = 5 * time.Second // how far RTP time may step away from arrival, and sender reports from RTP time
	clockStep  = 100 * time.Millisecond
	clockSlew  = 64 // up to clockStep, a track is pulled into place by 1/64 of the time that passes
	clockTicks = time.Microsecond
)

// timeline is the one time that all tracks of a publisher share. A track's first packet is put there by its
// arrival. Sender reports say when samples were taken by the publisher's clock (RFC 3550 §6.4.1): once
// all tracks have had one, the track that is behind is stepped forward, and from then on they are kept
// together. No track is ever stepped back.
type timeline struct {
	begun  bool
	start  time.Time     // arrival of what is at clockLead
	shift  time.Duration // what is taken off the publisher's clock, once a track is synced
	tracks []*trackClock
}

// trackClock is one track's way from RTP time to the timeline.
type trackClock struct {
	rate    int64 // RTP units per second
	begun   bool
	raw     int64 // the newest RTP time, unwrapped
	arrived time.Time
	offset  time.Duration // what is added to RTP time
	target  time.Duration // where offset is going
	last    time.Duration // the latest time given
	report  report
	synced  bool // offset comes from reports
	layer   bool // one of several encodings of the same pictures, not all of which come all the time
}

// report is a sender report: a sample of RTP time rtp is of time ntp of the publisher's clock.
type report struct {
	known bool
	ntp   time.Duration
	rtp   uint32
}

func (c *trackClock) span(raw int64) time.Duration {
	return time.Duration(raw/c.rate)*time.Second + time.Duration(raw%c.rate)*time.Second/time.Duration(c.rate)
}

// track adds a track, in place of one of the same kind that is over.
func (l *timeline) track(rate uint32, old *trackClock) *trackClock {
	c := &trackClock{rate: int64(max(rate, 1))}
	for i, t := range l.tracks {
		if t == old {
			c.last = old.last
			l.tracks[i] = c
			return c
		}
	}
	l.tracks = append(l.tracks, c)
	return c
}

// at gives the presentation time of a sample, which came at arrived, in the order of decoding.
func (l *timeline) at(c *trackClock, rtp uint32, arrived time.Time) time.Duration {
	if !l.begun {
		l.begun, l.start = true, arrived
	}
	if !c.begun {
		c.begun, c.raw, c.arrived = true, int64(rtp), arrived
		l.anchor(c, arrived.Sub(l.start)+clockLead)
		l.sync()
	}
	old, waited := c.raw, arrived.Sub(c.arrived)
	c.raw += int64(int32(rtp - uint32(c.raw)))
	c.arrived = arrived
	passed := c.span(c.raw - old)
	if off := passed - waited; off > clockJump || off < -clockJump {
		// The publisher's clock began anew. What reports said is of no use for it.
		c.report.known, c.synced = false, false
		l.anchor(c, c.last+max(waited, 0))
	}
	if passed > 0 {
		most := passed / clockSlew
		c.offset += min(max(c.target-c.offset, -most), most)
	}
	return max(c.span(c.raw)+c.offset, 0)
}

// anchor lets the newest sample be at t.
func (l *timeline) anchor(c *trackClock, t time.Duration) {
	c.offset = max(t, c.last) - c.span(c.raw)
	c.target = c.offset
}

// sent takes a sender report of a track; ntp is in NTP's format of 64 bits.
func (l *timeline) sent(c *trackClock, ntp uint64, rtp uint32) {
	if ntp == 0 {
		return // a sender without a clock (RFC 3550 §6.4.1)
	}
	fraction := time.Duration(uint64(uint32(ntp)) * uint64(time.Second) >> 32)
	c.report = report{true, time.Duration(ntp>>32)*time.Second + fraction, rtp}
	l.sync()
}

// wanted is the offset by which a track would be at the publisher's own time.
func (c *trackClock) wanted() time.Duration {
	raw := c.raw + int64(int32(c.report.rtp-uint32(c.raw)))
	return c.report.ntp - c.span(raw)
}

// sync brings tracks together by their newest reports: all of them, or the encodings of a simulcast among
// themselves while the sound has had no report.
func (l *timeline) sync() {
	together := make([]*trackClock, 0, 4)
	layers, all, synced := 0, true, false
	for _, c := range l.tracks {
		switch {
		case c.begun && c.report.known:
			together = append(together, c)
			synced = synced || c.synced
			if c.layer {
				layers++
			}
		case !c.layer:
			all = false
		}
	}
	if len(together) < 2 || !all && layers < 2 {
		return
	}
	// How far each track would step; nobody who has given a time may step back by much.
	var least, most time.Duration
	fresh, counted := false, 0
	for i, c := range together {
		step := c.wanted() - l.shift - c.offset
		if i == 0 {
			most = step
		}
		most = max(most, step)
		if c.layer && c.last == 0 && (synced || counted > 0) {
			continue // it begins where the others are
		}
		if counted++; counted == 1 {
			least = step
		}
		least = min(least, step)
		fresh = fresh || !c.synced
	}
	if most-least > clockJump {
		return // clocks that have nothing to do with each other
	}
	if fresh || least < -clockStep || least > clockStep {
		l.shift += least // the publisher's date is its own affair
	}
	for _, c := range together {
		c.target = c.wanted() - l.shift
		if fresh || !c.synced || c.target-c.offset > clockStep {
			c.offset = c.target
		}
		c.synced = true
	}
}
