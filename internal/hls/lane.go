package hls

// lane is what a window knows of one rendition. All lanes are cut at the same times, so media sequence
// numbers, part numbers, dates and discontinuities are the same in all.
type lane struct {
	init      *initSection // of what it carries
	about     *initSection // of the rendition it was made for, which it does not always carry
	hint      string       // the next part's name; empty while nothing runs
	rate      rateMeter
	frameRate float64
}

// look sets v to what readers see of lane i, but for the playlist.
func (l *lane) look(v *view, s *snapshot, i int) {
	v.hint = l.hint
	var open *strand
	if s.open != nil {
		if open = s.open.lane(i); open != nil {
			v.parts = open.parts[:len(open.parts):len(open.parts)]
		}
	}
	if open != nil || s.from(i) < len(s.segments) && s.whole() {
		v.variant = newVariant(l.about, l.rate.with(open, s.open), l.frameRate)
	}
}

// view is what readers see of one lane.
type view struct {
	parts    []*part  // of the open segment
	hint     string   // name of the next part; empty while nothing runs
	variant  *variant // nil before the first part
	playlist body
}

// lane gives the view of lane i, nil if there is no such lane.
func (s *snapshot) lane(i int) *view {
	switch {
	case i == 0:
		return &s.view
	case i > 0 && i <= len(s.others):
		return s.others[i-1]
	}
	return nil
}

// lanes is how many there are.
func (s *snapshot) lanes() int { return 1 + len(s.others) }

// from is the index of the first complete segment that lane i has: all later ones have it, too.
func (s *snapshot) from(i int) int {
	n := len(s.segments)
	for n > 0 && s.segments[n-1].lane(i) != nil {
		n--
	}
	return n
}

// whole tells whether a segment is complete that is more than a gap.
func (s *snapshot) whole() bool {
	n := len(s.segments)
	return n > 0 && !s.segments[n-1].gap
}

// first is the first listed segment, nil if there is none.
func (s *snapshot) first() *segment {
	if len(s.segments) > 0 {
		return s.segments[0]
	}
	return s.open
}

// hinted gives the view that hints at a part of that name, nil if none does.
func (s *snapshot) hinted(name string) *view {
	for i := range s.lanes() {
		if v := s.lane(i); v.hint == name && name != "" {
			return v
		}
	}
	return nil
}

// file finds a part, segment or initialization section by its name.
func (s *snapshot) file(name string) (one *part, all *strand, init *initSection) {
	kind, number, ok := numberOf(name)
	if !ok {
		return nil, nil, nil
	}
	for i := range s.lanes() {
		if one, all, init = s.fileIn(i, kind, number, name); one != nil || all != nil || init != nil {
			return one, all, init
		}
	}
	return nil, nil, nil
}

func (s *snapshot) fileIn(i int, kind byte, number uint64, name string) (one *part, all *strand, init *initSection) {
	switch kind {
	case 'p':
		if s.open != nil && number >= s.open.firstPart {
			return partNamed(s.lane(i).parts, number-s.open.firstPart, name), nil, nil
		}
		if seg := find(s.segments, s.retired, func(g *segment) bool { return g.firstPart <= number && !g.gap }); seg != nil {
			if in := seg.lane(i); in != nil {
				return partNamed(in.parts, number-seg.firstPart, name), nil, nil
			}
		}
	case 's':
		seg := find(s.segments, s.retired, func(g *segment) bool { return g.msn == number && !g.gap })
		if seg != nil {
			if in := seg.lane(i); in != nil && in.name == name {
				return nil, in, nil
			}
		}
	case 'i':
		called := func(g *segment) bool { in := g.lane(i); return in != nil && !g.gap && in.init.name == name }
		if s.open != nil && called(s.open) {
			return nil, nil, s.open.lane(i).init
		}
		if seg := find(s.segments, s.retired, called); seg != nil {
			return nil, nil, seg.lane(i).init
		}
	}
	return nil, nil, nil
}

func partNamed(parts []*part, index uint64, name string) *part {
	if index < uint64(len(parts)) && parts[index].name == name {
		return parts[index]
	}
	return nil
}

// find gives the newest segment that is meant, or nil.
func find(segments, retired []*segment, meant func(*segment) bool) *segment {
	for _, list := range [][]*segment{segments, retired} {
		for i := len(list) - 1; i >= 0; i-- {
			if meant(list[i]) {
				return list[i]
			}
		}
	}
	return nil
}
