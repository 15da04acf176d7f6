package sfu

import "time"

const (
	// repairPause is how long a packet is not sent again after it was: requests for it are on their way
	// then that were made before it came.
	repairPause = 20 * time.Millisecond
	repairSlots = 128

	// Packets that a Down may retransmit in a second, and at once. Whoever loses more has too little
	// bandwidth, which retransmissions would take even more of.
	videoRepairs = 400
	audioRepairs = 100
)

// repair bounds the retransmissions of a Down.
type repair struct {
	sent [repairSlots]struct { // by number; a clash forgets the older
		num int64
		at  time.Time
	}
	budget float64
	at     time.Time // when budget was reckoned
}

func (r *repair) refill(now time.Time, perSecond float64) {
	if r.at.IsZero() {
		r.budget = perSecond
	} else if d := now.Sub(r.at); d > 0 {
		r.budget = min(r.budget+d.Seconds()*perSecond, perSecond)
	}
	r.at = now
}

// allow says whether a packet may be sent now, and if so, takes note of it.
func (r *repair) allow(num int64, now time.Time) bool {
	s := &r.sent[uint64(num)%repairSlots]
	if r.budget < 1 || s.num == num && now.Sub(s.at) < repairPause {
		return false
	}
	r.budget--
	s.num, s.at = num, now
	return true
}

// Nack answers a request for retransmission (RFC 4585 §6.2.1) of packets numbered as the subscriber saw
// them, in order. Not answered are those from before the present source, those that the ring no longer has
// or that have never come, those sent again within the last 20 ms, and any above 400 per second (audio:
// 100).
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
	if behind < 0 || d.state == waiting {
		return false
	}
	num := d.highest - int64(behind) - d.offset
	if num < d.first {
		return false
	}
	if d.repair == nil {
		d.repair = &repair{}
	}
	perSecond := float64(videoRepairs)
	if d.opts.Kind == Audio {
		perSecond = audioRepairs
	}
	d.repair.refill(now, perSecond)
	p := d.up.ring.acquire(num)
	if p == nil {
		return false
	}
	defer p.release()
	if !d.repair.allow(num, now) {
		return false
	}
	d.send(p)
	d.stats.Retransmitted++
	return true
}
