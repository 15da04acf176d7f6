package stage

import (
	"errors"
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
)

// door is one media session of a participant, from its admission to its end. Its fields are guarded by
// stage.mu.
type door struct {
	st   *stage
	mem  *member
	slot *slot
	shut func()      // what its end means besides; called once, with stage.mu held
	busy func() bool // it delivers, so that another one with the same key has to wait; nil: the newest wins

	bound func(pixels int) // bounds the size of the picture it gets; nil: it gets none

	until func()   // keeps it from expiring; nil: it never does
	peer  rtc.Peer // nil before Start, and once the session has ended by itself
	over  bool
	why   error
}

// slot holds the sessions that a participant has of one kind: the one whose media flows, and the latest one
// that tries to. So an attempt that comes to nothing costs nobody a session that works.
type slot struct{ live, next *door }

func (s *slot) empty() bool { return s.live == nil && s.next == nil }

// end ends both.
func (s *slot) end(why error) {
	for _, d := range []*door{s.next, s.live} {
		if d != nil {
			d.end(why)
		}
	}
}

// Seat gives the participant and the end of its token; a stream key has none.
func (d *door) Seat() (participant string, until time.Time) {
	d.st.lock()
	defer d.st.unlock()
	return d.mem.seat.ParticipantID, d.mem.seat.Expires
}

// open lets a session in. It displaces an earlier one that has not come up.
func (d *door) open(userAgent string) {
	d.st.enter(d.mem, userAgent)
	old := d.slot.next
	d.slot.next = d // first: the slot is never empty in between
	if old != nil {
		old.end(errTakenOver)
	}
}

// start takes the means to end the session.
func (d *door) start(p rtc.Peer) {
	if d.over {
		why := d.why
		d.st.defers(func() { p.Close(why) })
		return
	}
	d.peer = p
}

// expire sees to it that a session that has started ends when it has lasted for as long as it may.
func (d *door) expire() {
	most, peer := d.st.m.d.Encoders.MaxTime, d.peer
	if peer != nil && most > 0 {
		d.until = d.st.m.d.After(most, func() { peer.Close(tooLong(most)) })
	}
}

// connect says that media can flow, which displaces an earlier session. It is false if this one is over.
func (d *door) connect() bool {
	if d.over || d.slot.live == d {
		return false
	}
	if d.slot.live != nil {
		d.slot.live.end(errTakenOver)
	}
	d.slot.live, d.slot.next = d, nil // a newer attempt would have ended this one
	return true
}

// ended is end for a session that is over already.
func (d *door) ended(why error) {
	d.peer = nil
	d.end(why)
}

// blame writes down, as an event, what the client did that its session ends for. It comes before ended.
func (d *door) blame(event string, reason error, remote string) {
	var v *violation
	code := ""
	switch {
	case errors.As(reason, &v):
		code = v.code
	case errors.Is(reason, rtc.ErrFlood):
		code = "BITRATE_EXCEEDED"
	case errors.Is(reason, rtc.ErrGarbage):
		code = "INVALID_INPUT"
	}
	if code != "" && !d.over {
		d.st.fail(d.mem.seat.ParticipantID, event, code, remote)
	}
}

// end ends the session. As far as the stage goes it is over at once, and later calls do nothing.
func (d *door) end(why error) {
	if d.over {
		return
	}
	d.over, d.why = true, why
	if d.slot.live == d {
		d.slot.live = nil
	}
	if d.slot.next == d {
		d.slot.next = nil
	}
	if d.until != nil {
		d.until()
	}
	d.shut()
	if p := d.peer; p != nil {
		d.st.defers(func() { p.Close(why) })
	}
	d.st.leave(d.mem)
}

// busy says whether one of the sessions is not to be displaced.
func (s *slot) busy() bool {
	for _, d := range []*door{s.live, s.next} {
		if d != nil && d.busy != nil && d.busy() {
			return true
		}
	}
	return false
}
