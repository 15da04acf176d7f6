package sfu

import "slices"

const (
	// maxJump is how far, in packets, a sequence number may be from the newest before it is taken for
	// the sender's having begun anew. RFC 3550 §A.1 has 3,000 forward; but what is further away than a
	// ring is long can be had by nobody.
	maxJump = 1000
	// maxRuns bounds the memory of dropped padding; packets older than that memory are dropped.
	maxRuns = 32
)

// place is what a numbering makes of a sequence number.
type place uint8

const (
	ahead  place = iota // newer than all before
	late                // older than the newest: it fills a hole, or is a duplicate
	skip                // leaves no hole: padding that nobody misses
	stale               // a duplicate, or too old to be numbered
	astray              // far from all others; if the next one follows it, the sender has begun anew
)

// numbering turns a source's sequence numbers into ones that never wrap and that have no holes where
// packets of mere padding were, with which senders probe for bandwidth.
type numbering struct {
	started bool
	highest int64 // extended sequence number
	before  int64 // the one before this epoch's first
	past    int64 // how many earlier epochs should have had
	skipped int64 // packets of padding up to highest
	runs    []run // the latest of them, ascending
	dropped bool  // runs does not reach back to the start
	epoch   uint32

	probation bool
	expected  uint16 // what would follow the packet that was astray
}

// run is count packets of padding in sequence.
type run struct{ first, count int64 }

// put gives the number of a packet.
func (n *numbering) put(seq uint16, padding bool) (num int64, p place) {
	if !n.started {
		n.started = true
		n.highest = 1<<20 + int64(seq) - 1
		n.before = n.highest
	}
	delta := int64(int16(seq - uint16(n.highest)))
	if delta > maxJump || delta < -maxJump {
		if !n.probation || seq != n.expected {
			n.probation, n.expected = true, seq+1
			return 0, astray
		}
		n.epoch++
		n.runs, n.dropped = n.runs[:0], false
		n.past += n.highest - n.before
		n.highest = n.highest&^0xFFFF + 2<<16 + int64(seq) - 1 // far from all numbers given so far
		n.before = n.highest
		delta = 1
	}
	n.probation = false
	ext := n.highest + delta
	if delta <= 0 {
		return n.behind(ext)
	}
	n.highest = ext
	if padding {
		n.skip(ext)
		return 0, skip
	}
	return ext - n.skipped, ahead
}

func (n *numbering) skip(ext int64) {
	n.skipped++
	if last := len(n.runs) - 1; last >= 0 && n.runs[last].first+n.runs[last].count == ext {
		n.runs[last].count++
		return
	}
	if len(n.runs) == maxRuns {
		n.runs, n.dropped = slices.Delete(n.runs, 0, 1), true
	}
	n.runs = append(n.runs, run{first: ext, count: 1})
}

// behind gives the number of an older packet. Padding that comes late keeps its number: a hole was seen.
func (n *numbering) behind(ext int64) (int64, place) {
	skipped := n.skipped
	for i := len(n.runs) - 1; i >= 0; i-- {
		r := n.runs[i]
		if ext >= r.first+r.count {
			return ext - skipped, late
		}
		if ext >= r.first {
			return 0, stale
		}
		skipped -= r.count
	}
	if n.dropped {
		return 0, stale
	}
	return ext - skipped, late
}

// due is how many packets should have come.
func (n *numbering) due() int64 { return n.past + n.highest - n.before }
