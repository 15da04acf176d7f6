package sfu

import (
	"sync/atomic"
	"time"
)

const (
	// LoudEvery is how long the moments are of which it is kept how loud they were.
	LoudEvery = 200 * time.Millisecond
	// Inaudible is the level of digital silence, dBov (RFC 6464 §3).
	Inaudible = -127
)

// loudness is how loud a sound is in this moment and was in the one before: the mean of its packets' levels, which a slammed
// door moves little. One goroutine adds, any may ask, nobody waits.
type loudness struct{ packed atomic.Uint64 }

// moment is what a loudness holds. Levels are 0 to 127 for 0 to -127 dBov.
type moment struct {
	number uint32 // of the moment; it wraps after decades
	before uint8  // level of the one before
	count  uint8  // packets of this one, the first 255
	sum    uint16 // of their levels
}

func (m moment) mean() uint8 { return uint8(m.sum / uint16(max(m.count, 1))) }

func (l *loudness) load() moment {
	v := l.packed.Load()
	return moment{uint32(v >> 32), uint8(v >> 24), uint8(v >> 16), uint16(v)}
}

// add takes a packet's level.
func (l *loudness) add(level uint8, at time.Time) {
	m, number := l.load(), momentOf(at)
	if m.number != number {
		before := uint8(-Inaudible)
		if m.number == number-1 {
			before = m.mean()
		}
		m = moment{number: number, before: before}
	}
	if m.count < 255 {
		m.count++
		m.sum += uint16(level)
	}
	l.packed.Store(uint64(m.number)<<32 | uint64(m.before)<<24 | uint64(m.count)<<16 | uint64(m.sum))
}

// last gives the level of the newest moment that is over, dBov.
func (l *loudness) last(now time.Time) int {
	switch m, number := l.load(), momentOf(now); m.number {
	case number:
		return -int(m.before)
	case number - 1:
		return -int(m.mean())
	}
	return Inaudible
}

func momentOf(t time.Time) uint32 { return uint32(t.UnixNano() / int64(LoudEvery)) }

// Loudness gives how loud a Source was in the moment that has just passed, LoudEvery long: the mean of its packets'
// levels, dBov. It is Inaudible when nothing came, or nothing that says how loud it is.
func (s *Source) Loudness(now time.Time) int {
	level := Inaudible
	for _, u := range s.Ups() {
		level = max(level, u.loud.last(now))
	}
	return level
}
