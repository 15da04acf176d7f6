package sfu

import "time"

// Follow makes a Source what the Down gets: its only Up, or one of its encodings, chosen again and again by what
// the line has room for. A change waits for a key frame of the encoding that is wanted, which is asked for; until
// then the former one goes on. nil leaves the Down without a source. Else it is as with Attach.
func (d *Down) Follow(s *Source) {
	d.mu.Lock()
	if d.closed || s != nil && d.source == s {
		d.mu.Unlock()
		return
	}
	d.leaveSource()
	d.detach()
	if s != nil {
		d.source = s
		s.add(d)
	}
	d.mu.Unlock()
	d.choose(d.opts.Now())
}

// Prefer bounds the picture's size: of several encodings none is chosen with more pixels, but for the
// smallest. 0: no bound.
func (d *Down) Prefer(pixels int) {
	d.mu.Lock()
	d.chooser.limit = pixels
	d.mu.Unlock()
	d.choose(d.opts.Now())
}

// leaveSource ends following, under d.mu.
func (d *Down) leaveSource() {
	if d.source != nil {
		d.source.remove(d)
		d.source = nil
	}
	d.chooser = chooser{limit: d.chooser.limit, first: d.chooser.first, share: d.share}
	if d.share != nil {
		d.share.rest()
	}
}

// choose thinks over which encoding is wanted.
func (d *Down) choose(now time.Time) {
	d.mu.Lock()
	if d.closed || d.source == nil {
		d.mu.Unlock()
		return
	}
	u := d.chooser.choose(d.source.Ups(), d.up, now, d.opts.Line)
	switch {
	case u == nil, u == d.next:
	case d.up == nil:
		d.attach(u)()
		return
	case u == d.up:
		d.stay()
	default:
		d.stay()
		if u.add(d) {
			d.next = u
			d.mu.Unlock()
			u.wish.make(now)
			return
		}
	}
	d.mu.Unlock()
}

// stay gives up going over to another encoding, under d.mu.
func (d *Down) stay() {
	if d.next != nil {
		d.next.remove(d)
		d.next = nil
	}
}

// cross goes over to the encoding that was waited for, with p, the first packet of a key frame of it.
func (d *Down) cross(p *packet) {
	ts, aligned := d.align(d.next, p)
	if d.up != nil {
		d.up.remove(d)
	}
	if d.state != waiting {
		copy(d.past[1:], d.past[:])
		d.past[0] = d.stretch
		d.past[0].last = d.highest
		d.past[0].lost = d.chooser.pressed
		d.stats.Switches++
	}
	d.up, d.next = d.next, nil
	d.turn++
	d.source.turns.Add(1)
	d.replay = replay{}
	if aligned {
		d.join(p, p.num, ts)
	} else {
		d.begin(p, p.num, 0)
	}
	d.state = live
	d.chooser.crossed(p.arrived)
}

// align gives the timestamp that a packet of another encoding has on the subscriber's line of time, by what the
// sender reports of both encodings say of the publisher's clock (RFC 3550 §6.4.1). A picture that was there already in the
// former encoding comes right behind it. Not ok: one has not reported, or they make no sense together.
func (d *Down) align(u *Up, p *packet) (ts uint32, ok bool) {
	if d.state == waiting || d.up == nil {
		return 0, false
	}
	from, to := d.up.report.Load(), u.report.Load()
	if from == nil || to == nil {
		return 0, false
	}
	apart := int64(to.ntp - from.ntp) // 32.32 seconds
	rate := int64(d.opts.ClockRate)
	old := from.ts + uint32((apart>>32)*rate+(apart&0xFFFFFFFF*rate)>>32) + (p.ts - to.ts)
	ts = old + d.tsOffset
	passed := int64(ticks(max(p.arrived.Sub(d.lastAt), 0), d.opts.ClockRate))
	switch ahead := int64(int32(ts - d.lastTS)); {
	case ahead < -rate/2 || ahead > passed+rate/2:
		return 0, false
	case ahead <= 0:
		return d.lastTS + 1, true
	}
	return ts, true
}
