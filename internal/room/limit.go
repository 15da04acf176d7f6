package room

// bucket limits a rate: a full second's worth may come at once, then it refills evenly. The zero value is
// full. It keeps one number, the moment at which it will be full again, so that every connection can have
// one. The caller sees to it that only one goroutine uses it at a time.
type bucket struct{ full int64 } // Unix time in nanoseconds

const second = int64(1e9)

// take spends one token and says whether there was one.
func (b *bucket) take(now int64, perSecond int) bool {
	b.full = b.at(now)
	full := b.full + second/int64(perSecond)
	if full > now+second {
		return false
	}
	b.full = full
	return true
}

// at gives the moment of being full as seen from now. One that is far off was set before the clock was
// set back, which must not lock anyone out; one that is a little off comes of goroutines overtaking.
func (b *bucket) at(now int64) int64 {
	if b.full > now+2*second {
		return now
	}
	return min(max(b.full, now), now+second)
}
