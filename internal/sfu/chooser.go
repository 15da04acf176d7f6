package sfu

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Line is what is known of the way to a subscriber. It is asked with a Down's lock held and must not wait.
type Line interface {
	// Room gives how much video there is room for, in bit/s, once everything else has had its share. want is how
	// much there would be a use for, or 0; the line may find out whether it has that.
	Room(now time.Time, want int) int
}

const (
	// overhead is what a packet costs on the way to a subscriber beside what it cost from the publisher, in percent.
	overhead = 5
	// headroom is how much more than an encoding needs there must be before it is chosen, in percent: what is
	// there must not be left again for a little more motion in the picture.
	headroom = 15
	// patience is how long after a fall there is no rise, at least; and, at most, if one rise after the other
	// does not hold.
	minPatience = 3 * time.Second
	maxPatience = 60 * time.Second
	// holds is how long a rise must last to have held.
	holds = 15 * time.Second
)

// layer is an encoding as a chooser sees it.
type layer struct {
	up     *Up
	pixels int // 0: not known
	rate   int // bit/s; 0: not known
}

// chooser chooses one of several encodings for one subscriber.
type chooser struct {
	limit    int // pixels; 0: none
	first    First
	stays    time.Time // no fall before, if it began with the largest
	share    *share    // of a line that others are sent over, too; nil: it has the line for itself
	rising   bool      // the one that is wanted is larger than the present one;
	pressed  bool      // smaller, because there is no room
	rose     time.Time
	settled  time.Time // no rise before
	patience time.Duration
}

// choose gives the encoding that is wanted; nil if none can be told. present is the one that goes out now, or nil.
func (c *chooser) choose(ups []*Up, present *Up, now time.Time, line Line) *Up {
	if len(ups) == 0 {
		return nil
	}
	if len(ups) == 1 {
		return ups[0]
	}
	var memory [MaxLayers]layer
	list := memory[:0]
	for _, u := range ups {
		// What to begin with is not decided by a moment in which nothing came.
		if !u.closed.Load() && (u.flow.alive(now) || present == nil && c.first == Largest) {
			list = append(list, layer{u, u.size.pixels(), u.flow.bitrate()})
		}
	}
	slices.SortFunc(list, func(a, b layer) int {
		return cmp.Or(cmp.Compare(a.pixels, b.pixels), cmp.Compare(a.rate, b.rate))
	})
	for c.limit > 0 && len(list) > 1 && list[len(list)-1].pixels > c.limit {
		list = list[:len(list)-1]
	}
	if len(list) == 0 {
		if present == nil {
			return ups[0]
		}
		return present
	}
	i := c.pick(list, slices.IndexFunc(list, func(l layer) bool { return l.up == present }), now, line)
	if present == nil {
		i = c.begin(len(list), i, now)
	}
	return list[i].up
}

// pick gives the index of the encoding that is wanted. at is that of the present one, or -1. The list is in
// ascending order and not empty.
func (c *chooser) pick(list []layer, at int, now time.Time, line Line) int {
	room := math.MaxInt
	want := need(list[len(list)-1].rate, headroom)
	switch {
	case c.share != nil:
		room = c.share.room(now, c.claim(list, at, now, want))
	case line != nil:
		room = line.Room(now, want)
	}
	fit := 0
	for i, l := range list {
		if l.rate > 0 && l.needs(i > at) <= room || l.rate == 0 && i == at {
			fit = i
		}
	}
	if now.Before(c.stays) {
		fit = max(fit, at)
	}
	c.pressed = fit < at
	c.rising = at >= 0 && fit > at // else it is the first one, or the present one has stopped
	switch {
	case c.pressed:
		c.fall(now)
	case c.rising && now.Before(c.settled):
		return at
	}
	return fit
}

// claim is what a picture can make use of now: nothing larger while it is not to rise.
func (c *chooser) claim(list []layer, at int, now time.Time, want int) claim {
	all := claim{at: now, count: len(list), want: want}
	if at >= 0 && now.Before(c.settled) {
		all.count = at + 1
	}
	for i, l := range list {
		all.needs[i] = l.needs(i > max(at, 0)) // the smallest is given in any case
		if l.rate == 0 && i != at {
			all.needs[i] = unknown
		}
	}
	return all
}

// needs is what a line must have for a layer, more if that is a rise.
func (l *layer) needs(rise bool) int {
	if rise {
		return need(l.rate, headroom)
	}
	return need(l.rate, 0)
}

// need is what a line must have for an encoding, with a margin in percent.
func need(rate, margin int) int { return rate * (100 + overhead + margin) / 100 }

// fall puts the next rise off.
func (c *chooser) fall(now time.Time) {
	if now.Before(c.settled) {
		return
	}
	if !c.rose.IsZero() && now.Sub(c.rose) < holds {
		c.patience = min(max(2*c.patience, minPatience), maxPatience)
	} else {
		c.patience = minPatience
	}
	c.settled = now.Add(c.patience)
}

// crossed is told when the encoding that was wanted goes out.
func (c *chooser) crossed(now time.Time) {
	if c.rising {
		c.rose = now
	}
}
