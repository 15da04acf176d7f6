package sfu

import "time"

const (
	// repairPause is how long a packet is not sent again after it was: requests for it are on their way
	// then that were made before it came. It doubles each time, up to repairTries.
	repairPause = 20 * time.Millisecond
	repairTries = 8
	repairSlots = 128

	// Who loses more than one packet in repairCost has too little bandwidth, or the server too little time,
	// and retransmissions would make both worse: all of a crowd's together must stay a fraction of what
	// is forwarded. maxRepairs is how many may be sent at once, such as the end of a key frame.
	repairCost = 3
	maxRepairs = 128
)

// repair bounds the retransmissions of a Down.
type repair struct {
	budget int                   // repairCost for each retransmission; each packet that is sent for the first time earns 1
	sent   [repairSlots]struct { // by number; a clash forgets the older
		num   int64
		at    time.Time
		tries uint8
	}
}

func (r *repair) earn() { r.budget = min(r.budget+1, repairCost*maxRepairs) }

// allow says whether a packet may be sent now, and if so, takes note of it.
func (r *repair) allow(num int64, now time.Time) bool {
	s := &r.sent[uint64(num)%repairSlots]
	if s.num != num {
		s.num, s.tries = num, 0
	}
	if r.budget < repairCost || s.tries == repairTries || s.tries > 0 && now.Sub(s.at) < repairPause<<(s.tries-1) {
		return false
	}
	r.budget -= repairCost
	s.at = now
	s.tries++
	return true
}

// Nack answers a request for retransmission (RFC 4585 §6.2.1) of packets numbered as the subscriber saw
// them, in order, also of the encodings that it has had before. Not answered are those from before the present source,
// those of an encoding that there was no room for, since they would take the place of the key frame to go on with, those that the ring no longer has
// or that have never come, those sent again a moment ago (20 ms, and twice that each further time) or eight
// times, and more than a third of what is forwarded, apart from bursts of up to 128.
func (d *Down) Nack(seqs []uint16) {
	now := d.opts.Now()
	for _, seq := range seqs {
		d.resend(seq, now)
	}
}

// resend takes the lock for one packet: others are let in between any two.
func (d *Down) resend(seq uint16, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.up == nil {
		return
	}
	if !d.retransmit(seq, now) {
		d.stats.NotAnswered++
	}
}

func (d *Down) retransmit(seq uint16, now time.Time) bool {
	behind := int16(uint16(d.highest) - seq)
	if behind < 0 {
		return false
	}
	num := d.highest - int64(behind)
	s := d.stretchOf(num)
	if s == nil || s.lost || d.next != nil && d.chooser.pressed {
		return false
	}
	if d.repair == nil {
		d.repair = &repair{budget: repairCost * maxRepairs}
	}
	p := s.up.ring.acquire(num - s.offset)
	if p == nil {
		return false
	}
	defer p.release()
	if !d.repair.allow(num, now) {
		return false
	}
	d.send(s, p, true)
	d.stats.Retransmitted++
	return true
}

// stretchOf gives the stretch that a number given out belongs to; nil if it is of none that is known.
func (d *Down) stretchOf(num int64) *stretch {
	if d.state != waiting && num >= d.first+d.offset {
		return &d.stretch
	}
	for i := range d.past {
		if s := &d.past[i]; s.up != nil && num <= s.last && num >= s.first+s.offset {
			return s
		}
	}
	return nil
}
