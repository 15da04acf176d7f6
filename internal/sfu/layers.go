package sfu

import (
	"cmp"
	"slices"
	"time"
)

// Layer is one encoding of a picture that is published in several, as whoever watches it may be told of it.
type Layer struct {
	Name          string // UpOptions.Name
	Width, Height int    // of its pictures, in pixels
	Bitrate       int    // bit/s, headers of RTP included
	FrameRate     int    // pictures per second, rounded
}

// Layers gives the encodings that can be chosen now, the smallest first: those that come, and of which it is known how large
// they are and what they need. It is empty if there are not several. It is false while that cannot be judged, as
// when the whole publisher is silent: then those that it had before may go on.
func (s *Source) Layers(now time.Time) (list []Layer, ok bool) {
	ups := s.Ups()
	if len(ups) < 2 {
		return nil, true
	}
	if now.UnixNano()-s.resumed.Load() < int64(silence) {
		return nil, false
	}
	for _, u := range ups {
		w, h := u.size.sides()
		l := Layer{Name: u.opts.Name, Width: w, Height: h, Bitrate: u.flow.bitrate(), FrameRate: u.flow.frameRate()}
		if u.flow.alive(now) && w > 0 && l.Bitrate > 0 {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b Layer) int {
		return cmp.Or(cmp.Compare(a.Width*a.Height, b.Width*b.Height), cmp.Compare(a.Bitrate, b.Bitrate))
	})
	return list, len(list) > 0
}

// Turns counts how often a Down that follows has gone over to one of the encodings: while it stays the same, so does what
// Shows gives of every Down.
func (s *Source) Turns() uint64 { return s.turns.Load() }

// Shows gives the name of the encoding of a Source that the Down gives out; empty if it is none of that one's.
func (d *Down) Shows(s *Source) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.source != s || d.up == nil {
		return ""
	}
	return d.up.opts.Name
}

// First says which of several encodings a picture begins with.
type First uint8

const (
	// Fitting is the largest that the line is known to have room for, which is the smallest of all on a new line.
	Fitting First = iota
	// Smallest costs the least and is there the soonest.
	Smallest
	// Largest goes out for firstLasts even if the line is not known to have room for it.
	Largest
)

// firstLasts is how long a picture that was to begin with the largest encoding stays there: by then it is known whether a
// line has room for that.
const firstLasts = 3 * time.Second

// BeginWith sets which encoding the Down begins with whenever it begins to follow a Source.
func (d *Down) BeginWith(f First) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chooser.first = f
}

// begin gives the index of the encoding to begin with, where fit is that of the largest that there is room for.
func (c *chooser) begin(count, fit int, now time.Time) int {
	switch c.first {
	case Smallest:
		return 0
	case Largest:
		c.stays = now.Add(firstLasts)
		return count - 1
	}
	return fit
}
