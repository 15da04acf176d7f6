package sfu

import "time"

// reportInterval is how often a subscriber is sent a report at most. Players keep sound and picture in
// step by them.
const reportInterval = time.Second

// report is a point on the line between a publisher's clock and its RTP timestamps.
type report struct {
	ntp     uint64 // NTP format (RFC 5905 §6): seconds since 1900, 32.32 bits
	ts      uint32
	arrived time.Time
	rate    uint32 // RTP clock, Hz
}

// at gives the point of a time on our clock, assuming that the publisher's runs as fast.
func (r *report) at(now time.Time) (ntp uint64, ts uint32) {
	d := max(now.Sub(r.arrived), 0)
	sec, rest := uint64(d/time.Second), uint64(d%time.Second)
	return r.ntp + sec<<32 + rest<<32/uint64(time.Second), r.ts + ticks(d, r.rate)
}

// ticks gives a duration, not negative, on an RTP clock, which wraps.
func ticks(d time.Duration, rate uint32) uint32 {
	sec, rest := uint64(d/time.Second), uint64(d%time.Second)
	return uint32(sec*uint64(rate) + rest*uint64(rate)/uint64(time.Second))
}
