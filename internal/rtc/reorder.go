package rtc

import "time"

const (
	reorderBytes   = 2 << 20 // payload that a reorder buffer holds at most
	reorderKeep    = 2 << 10 // what a slot keeps for its next packet: more than a network's usual packets
	reorderPayload = 16 << 10
)

// reorder brings the packets of one track back into order. It holds what came early for a while, so
// that what was lost can be sent again; then it goes on without, and says so with the next packet. What
// comes in order passes through without a copy.
type reorder struct {
	slots []slot // a ring by sequence number; its length is a power of two
	wait  time.Duration
	begun bool
	next  uint16 // the sequence number to go on with
	held  int    // full slots
	bytes int    // payload in them
}

type slot struct {
	rtpPacket
	full bool
	buf  []byte
}

func newReorder(packets int, wait time.Duration) *reorder {
	return &reorder{slots: make([]slot, packets), wait: wait}
}

func (r *reorder) slot(seq uint16) *slot { return &r.slots[int(seq)&(len(r.slots)-1)] }

// add takes a packet. It is true for one whose turn it is: the caller uses it at once, as it does with
// all that pop gives then.
func (r *reorder) add(p *rtpPacket) bool {
	if len(p.payload) > reorderPayload {
		return false
	}
	if !r.begun {
		r.begun, r.next = true, p.seq
	}
	switch ahead := int(int16(p.seq - r.next)); {
	case ahead == 0:
		r.next++
		return true
	case ahead < 0 && -ahead <= 2*len(r.slots):
		return false // late or twice
	case ahead < 0, ahead >= len(r.slots), r.bytes+len(p.payload) > reorderBytes:
		// The sender began anew, or more is missing than is worth waiting for.
		r.drop()
		r.next = p.seq + 1
		p.gap = true
		return true
	}
	s := r.slot(p.seq)
	if s.full {
		return false // twice
	}
	s.buf = append(s.buf[:0], p.payload...)
	s.rtpPacket, s.full = *p, true
	s.payload = s.buf
	r.held++
	r.bytes += len(p.payload)
	return false
}

// pop gives the next packet in order, or the one after a gap for which now is too late. It is valid
// until the next add.
func (r *reorder) pop(now time.Time) (p rtpPacket, ok bool) {
	if r.held == 0 {
		return p, false
	}
	seq := r.next
	for !r.slot(seq).full {
		seq++
	}
	s := r.slot(seq)
	if seq != r.next {
		if now.Sub(s.arrived) < r.wait {
			return p, false
		}
		s.gap = true
	}
	r.next = seq + 1
	p = s.rtpPacket
	r.empty(s)
	return p, true
}

func (r *reorder) empty(s *slot) {
	r.held--
	r.bytes -= len(s.payload)
	s.full, s.payload = false, nil
	if cap(s.buf) > reorderKeep {
		s.buf = nil
	}
}

// drop forgets what is held.
func (r *reorder) drop() {
	for i := range r.slots {
		if r.slots[i].full {
			r.empty(&r.slots[i])
		}
	}
}
