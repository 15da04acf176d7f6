package bwe

import "math"

const (
	baseSpan  = 2_000_000 // µs
	baseSpans = 6
)

// queue follows how long packets wait on their way: the one-way delay, between two clocks that have nothing in common,
// less the least of it in the last seconds.
type queue struct {
	bases  [baseSpans]int64 // the least of each span
	span   int64
	begun  bool
	wait   int64 // µs, of the newest
	since  int64 // when the queue was last seen to be short
	newest int64
}

// take learns that a packet that arrived at a time had been on its way so long. What a train disturbs says only
// what is least.
func (q *queue) take(delay, at int64, disturbed bool) {
	span := at / baseSpan
	switch {
	case !q.begun:
		q.begun, q.span, q.since = true, span, at
		for i := range q.bases {
			q.bases[i] = math.MaxInt64
		}
	case span > q.span:
		for n := min(span-q.span, baseSpans); n > 0; n-- {
			q.bases[modulo(span-n+1, baseSpans)] = math.MaxInt64
		}
		q.span = span
	}
	i := modulo(q.span, baseSpans)
	q.bases[i] = min(q.bases[i], delay)
	least := int64(math.MaxInt64)
	for _, b := range q.bases {
		least = min(least, b)
	}
	q.newest = max(q.newest, at)
	if q.wait = delay - least; q.wait < standing || disturbed {
		q.wait = min(q.wait, standing)
		q.since = at
	}
}

// over says whether there is a queue that stands.
func (q *queue) over() bool {
	stood := q.newest - q.since
	return q.wait >= full && stood > stands/4 || q.wait > standing && stood > stands
}

const (
	meterSlot  = 50_000 // µs
	meterSlots = 21
	lateSlots  = 6
)

// meter measures what arrives, by the receiver's clock.
type meter struct {
	bytes [meterSlots]int
	slot  int64 // the newest
	first int64
	begun bool
}

func (m *meter) add(at int64, size int) {
	slot := at / meterSlot
	switch {
	case !m.begun:
		m.begun, m.slot, m.first = true, slot, slot
	case slot <= m.slot-meterSlots:
		return
	case slot > m.slot:
		for n := min(slot-m.slot, meterSlots); n > 0; n-- {
			m.bytes[index(slot-n+1)] = 0
		}
		m.slot = slot
	}
	m.bytes[index(slot)] += size
}

func index(slot int64) int { return modulo(slot, meterSlots) }

func modulo(a, n int64) int { return int((a%n + n) % n) }

// rates gives bit/s over the last 0.3 s, and over the last second. The newest slot, which goes on, is left out.
func (m *meter) rates() (lately, while float64) {
	sum := 0
	for i := range int64(meterSlots - 1) {
		sum += m.bytes[index(m.slot-1-i)]
		switch i {
		case lateSlots - 1:
			lately = rate(sum, min(lateSlots, m.slot-m.first))
		case meterSlots - 2:
			while = rate(sum, min(meterSlots-1, m.slot-m.first))
		}
	}
	return lately, while
}

func rate(bytes int, slots int64) float64 {
	return float64(8*bytes) * 1e6 / float64(max(slots, 1)*meterSlot)
}
