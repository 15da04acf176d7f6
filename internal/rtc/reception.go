package rtc

import (
	"time"

	"github.com/pion/rtcp"
)

// reception keeps what a receiver report says of one track (RFC 3550 §6.4, A.3, A.8).
type reception struct {
	clock uint32

	begun    bool
	base     uint32 // extended sequence number of the first packet
	highest  uint32 // extended
	received uint32
	expected uint32 // at the last report
	before   uint32 // received at the last report

	transit int64 // of the last packet, in clock units
	jitter  float64
	sr      uint32 // middle 32 bits of the last sender report's NTP time
	srAt    time.Time
	epoch   time.Time
}

// packet counts one packet.
func (r *reception) packet(seq uint16, timestamp uint32, at time.Time) {
	r.received++
	arrival := int64(0)
	if !r.begun {
		r.begun, r.epoch = true, at
		r.base, r.highest = uint32(seq)|1<<16, uint32(seq)|1<<16 // a cycle in hand, for packets from before
		r.transit = -int64(timestamp)
		return
	}
	arrival = at.Sub(r.epoch).Nanoseconds() / 1000 * int64(r.clock) / 1_000_000
	if d := int16(seq - uint16(r.highest)); d > 0 {
		r.highest += uint32(d)
	}
	transit := arrival - int64(timestamp)
	d := int64(int32(transit - r.transit)) // timestamps wrap
	r.transit = transit
	r.jitter += (float64(max(d, -d)) - r.jitter) / 16
}

// report notes a sender report.
func (r *reception) report(ntp uint64, at time.Time) { r.sr, r.srAt = uint32(ntp>>16), at }

// block makes the report block and begins the next interval.
func (r *reception) block(ssrc uint32, now time.Time) rtcp.ReceptionReport {
	expected := r.highest - r.base + 1
	lost := max(int64(expected)-int64(r.received), 0)
	span, got := expected-r.expected, r.received-r.before
	r.expected, r.before = expected, r.received
	fraction := uint8(0)
	if span > got && span != 0 {
		fraction = uint8(min(uint64(span-got)*256/uint64(span), 255))
	}
	b := rtcp.ReceptionReport{
		SSRC: ssrc, FractionLost: fraction, TotalLost: uint32(min(lost, 0x7fffff)),
		LastSequenceNumber: r.highest - 1<<16, Jitter: uint32(r.jitter),
	}
	if r.sr != 0 {
		b.LastSenderReport = r.sr
		b.Delay = uint32(now.Sub(r.srAt).Seconds() * 65536)
	}
	return b
}

const (
	maxMissing   = 256                   // lost packets that are remembered; more is not a loss but a gap
	nackWait     = 10 * time.Millisecond // for a packet that was only overtaken
	nackAgain    = 100 * time.Millisecond
	nackPatience = time.Second
	nackTries    = 8
)

// nacker remembers which packets of a track are missing, and when to ask for them (RFC 4585 §6.2.1).
type nacker struct {
	wanted  bool
	begun   bool
	highest uint16
	missing []missingPacket // in the order of their loss
	pairs   []rtcp.NackPair
}

type missingPacket struct {
	seq         uint16
	tries       int
	since, next time.Time
}

// arrived notes a packet.
func (n *nacker) arrived(seq uint16, at time.Time) {
	if !n.wanted {
		return
	}
	if !n.begun {
		n.begun, n.highest = true, seq
		return
	}
	d := int16(seq - n.highest)
	if d <= 0 {
		for i := range n.missing {
			if n.missing[i].seq == seq {
				n.missing = append(n.missing[:i], n.missing[i+1:]...)
				break
			}
		}
		return
	}
	if int(d) > maxMissing { // a jump: nothing of it could come in time
		n.missing = n.missing[:0]
	} else {
		for lost := n.highest + 1; lost != seq; lost++ {
			if len(n.missing) == maxMissing {
				n.missing = append(n.missing[:0], n.missing[1:]...)
			}
			n.missing = append(n.missing, missingPacket{seq: lost, since: at, next: at.Add(nackWait)})
		}
	}
	n.highest = seq
}

// due gives what is to be asked for now. The result is good until the next call.
func (n *nacker) due(now time.Time) []rtcp.NackPair {
	n.pairs = n.pairs[:0]
	keep := n.missing[:0]
	for _, m := range n.missing {
		if m.tries == nackTries || now.Sub(m.since) > nackPatience {
			continue
		}
		if !now.Before(m.next) {
			m.tries++
			m.next = now.Add(nackAgain)
			n.add(m.seq)
		}
		keep = append(keep, m)
	}
	n.missing = keep
	return n.pairs
}

// add puts a number into the last pair if it fits its mask, else into a new one.
func (n *nacker) add(seq uint16) {
	if last := len(n.pairs) - 1; last >= 0 {
		if d := seq - n.pairs[last].PacketID; d >= 1 && d <= 16 {
			n.pairs[last].LostPackets |= 1 << (d - 1)
			return
		}
	}
	n.pairs = append(n.pairs, rtcp.NackPair{PacketID: seq})
}
