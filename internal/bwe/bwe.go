// Package bwe estimates how much more or less a path can carry, at the sender, by what the receiver says of each
// packet's arrival (transport-wide congestion control, draft-holmer-rmcat-transport-wide-cc-extensions-01).
//
// It goes by three signs. A queue that stands: packets take longer than the quickest of the last seconds did (as RFC 6817
// and RFC 8298 measure it), and not one in a while does not. Loss (as in draft-ietf-rmcat-gcc-02 §6). Either lowers the
// estimate to a little less than what arrives. And the train: packets of mere padding, sent in one go, are drawn apart
// by the narrowest place on the path; how far says what it carries. A stream says nothing of a room larger than itself, so
// only trains raise the estimate far above it.
//
// An Estimator allocates nothing per packet, waits for nothing, and has no lock.
package bwe

import "time"

const (
	history = 1024 // packets whose feedback is waited for

	// Min and Max bound every estimate, and Start is the first, bit/s.
	Min   = 60_000
	Max   = 20_000_000
	Start = 300_000

	standing   = 50_000                  // µs that packets wait in a queue that counts
	stands     = 400_000                 // µs that it must last to be cut for,
	full       = 300_000                 // unless they wait so long
	cutEvery   = 200 * time.Millisecond  // so often at most
	calm       = 1300 * time.Millisecond // after a cut before the estimate grows again: longer than meters remember
	lossWindow = 20                      // packets, at least, before their loss counts
	muchLoss   = 0.10                    // cuts
	someLoss   = 0.03                    // does not let grow
	cut        = 0.85                    // of what arrives is left
	growth     = 0.08                    // per second,
	grows      = 1.2                     // up to so many times what arrives
	silent     = 1200 * time.Millisecond // without feedback: the path may be gone
)

// Estimator is for one path. Its methods are called by one goroutine at a time.
type Estimator struct {
	epoch time.Time
	rate  float64

	next uint16
	sent [history]packet

	heard     time.Time // last feedback; zero: none yet, or none since a rest
	rested    bool      // there was feedback before a rest
	unheard   int       // packets sent since
	ref       int64     // the latest reference time, extended
	queue     queue
	arrivals  meter
	grown     time.Time // when the estimate last had a chance to grow
	cutAt     time.Time
	got, lost int // in this window
	train     train
}

// packet is one that was sent.
type packet struct {
	at     int64 // µs since epoch
	size   uint16
	number uint16
	state  state
}

type state uint8

const (
	unknown state = iota // no such packet
	flying
	arrived
	missing
)

// New makes an Estimator.
func New(now time.Time) *Estimator {
	return &Estimator{epoch: now, rate: Start, grown: now, ref: 1 << 32} // far from zero: times stay positive
}

// Sent takes note of a packet and gives its number. Its size is in bytes on the wire.
func (e *Estimator) Sent(now time.Time, size int) uint16 {
	n := e.next
	e.next++
	e.unheard++
	e.sent[n%history] = packet{at: now.Sub(e.epoch).Microseconds(), size: uint16(size), number: n, state: flying}
	return n
}

// Feedback takes what follows the SSRCs of a feedback message.
func (e *Estimator) Feedback(b []byte, now time.Time) error {
	m, err := parse(b)
	if err != nil {
		return err
	}
	// 24 bits: the nearest to the one before.
	e.ref += int64(int32((m.reference-uint32(e.ref))<<8) >> 8)
	start := e.ref * reference
	err = m.each(func(number uint16, received bool, since int64) { e.take(number, received, start+since) })
	e.heard, e.unheard = now, 0
	e.decide(now)
	return err
}

// take learns of one packet; at is in µs of the receiver's clock.
func (e *Estimator) take(number uint16, received bool, at int64) {
	p := &e.sent[number%history]
	if p.number != number || p.state == unknown || p.state == arrived {
		return
	}
	probe := e.train.has(number)
	if !received {
		if p.state == flying && !probe {
			e.lost++
		}
		p.state = missing
		return
	}
	late := p.state == missing
	if late && !probe {
		e.lost = max(e.lost-1, 0)
	}
	p.state = arrived
	if probe {
		e.train.arrive(int(p.size), at)
	} else {
		e.got++
		e.arrivals.add(at, int(p.size))
	}
	if !late { // it may have been sent again, as it was
		e.queue.take(at-p.at, at, e.train.disturbs(number))
	}
}

// decide changes the estimate after a feedback.
func (e *Estimator) decide(now time.Time) {
	passed := min(now.Sub(e.grown), time.Second).Seconds()
	e.grown = now
	loss := 0.0
	if n := e.got + e.lost; n > 0 {
		loss = float64(e.lost) / float64(n)
	}
	judged := e.got+e.lost >= lossWindow
	over := e.queue.over() || judged && loss > muchLoss
	if judged {
		e.got, e.lost = 0, 0
	}
	lately, while := e.arrivals.rates()
	switch {
	case over && now.Sub(e.cutAt) >= cutEvery:
		e.rate = min(e.rate, cut*lately)
		e.cutAt = now
		e.train.forget()
	case !over && loss < someLoss && now.Sub(e.cutAt) >= calm:
		if e.rate < grows*while {
			e.rate *= 1 + growth*passed
		}
		e.rate = max(e.rate, while)
	}
	e.judge(now)
	e.clamp()
}

// judge takes what a train has shown, if it has come to its end.
func (e *Estimator) judge(now time.Time) {
	if e.train.complete(now) {
		e.rate = max(e.rate, e.train.judge(now))
	}
}

func (e *Estimator) clamp() { e.rate = min(max(e.rate, Min), Max) }

// Narrow says whether the path is known to carry little more than the estimate: a queue or loss has shown it in the last minute.
func (e *Estimator) Narrow(now time.Time) bool {
	return !e.cutAt.IsZero() && now.Sub(e.cutAt) < time.Minute
}

// Heard says whether the receiver has ever told of anything.
func (e *Estimator) Heard() bool { return !e.heard.IsZero() || e.rested }

// Rest says that for some time no more packets will be told of. The estimate stays.
func (e *Estimator) Rest() { e.rested, e.heard, e.unheard = e.Heard(), time.Time{}, 0 }

// Rate gives the estimate, bit/s. A path from which nothing has been heard for long, though packets were sent,
// is halved again each time.
func (e *Estimator) Rate(now time.Time) int {
	if !e.heard.IsZero() && e.unheard > lossWindow && now.Sub(e.heard) > silent {
		e.rate /= 2
		e.heard, e.cutAt = now, now
		e.clamp()
	}
	return int(e.rate)
}
