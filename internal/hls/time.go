package hls

import "time"

// ticks is a point on, or a stretch of, the media timeline: 90 kHz since epoch. All sessions of all
// packagers share this timeline, so that media timestamps go on rising when an encoder reconnects or
// the server starts again, and a timestamp is also a date.
type ticks int64

const (
	second      ticks = 90000
	millisecond ticks = 90
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ticksOf converts a duration, rounding down; it holds for durations of up to 30 years.
func ticksOf(d time.Duration) ticks { return ticks(d * 9 / 100000) }

// ticksAt gives the place of a date on the media timeline; a clock set before epoch gives zero.
func ticksAt(t time.Time) ticks { return max(0, ticksOf(t.Sub(epoch))) }

func (t ticks) date() time.Time { return epoch.Add(t.duration()) }

func (t ticks) duration() time.Duration { return time.Duration(t) * 100000 / 9 }

// scale converts t to another number of units per second, rounding down.
func (t ticks) scale(rate int) int64 { return int64(t) * int64(rate) / int64(second) }

// ticksIn converts v, counted in rate units per second, rounding down.
func ticksIn(v int64, rate int) ticks { return ticks(v * int64(second) / int64(rate)) }

// sequenceAt is the media sequence number that a packager made at t starts with. Four per second is
// more than a packager ever uses up, so a later packager of the same channel starts above every earlier
// one; counted from epoch it stays below 2³¹ until 2043, for players that keep it in an int.
func sequenceAt(t time.Time) uint64 { return uint64(ticksAt(t) / (second / 4)) }

// appendSeconds prints t in seconds with five digits after the point.
func appendSeconds(b []byte, t ticks) []byte {
	v := (int64(t)*10 + 4) / 9 // units of 10 µs
	b = appendUint(b, uint64(v/100000))
	b = append(b, '.')
	v %= 100000
	for div := int64(10000); div > 0; div /= 10 {
		b = append(b, byte('0'+v/div%10))
	}
	return b
}
