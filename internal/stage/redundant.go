package stage

import "slices"

// Where ingest is redundant, two participants publish and others see one in their place: its mask. The mask
// is a member like any other, whom sockets are told of and subscribers watch, but nothing is written down of
// it. It is there while one of the two is.

// maskOf gives the mask that a participant of an ingest configuration wears; nil if it is seen as itself.
func (st *stage) maskOf(mem *member, in Ingest) *member {
	if in.SeenAs == "" || in.SeenAs == in.ParticipantID {
		return nil
	}
	mask := st.members[in.SeenAs]
	if mask == nil {
		seat := mem.seat
		seat.ParticipantID = in.SeenAs
		mask = &member{seat: seat, subscribe: map[string]*slot{}, doc: mem.doc, mask: true}
	}
	return mask
}

// seen gives the member that others see in a member's place.
func (mem *member) seen() *member {
	if mem.wears != nil {
		return mem.wears
	}
	return mem
}

// present says whether a member publishes or is about to, by itself or by those who wear it.
func (mem *member) present() bool {
	if mem.mask {
		return mem.doors > 0
	}
	return !mem.publish.empty()
}

// pending says whether a member is about to publish, by itself or by those who wear it.
func (st *stage) pending(mem *member) bool {
	if mem == nil || !mem.mask {
		return mem != nil && mem.publish.next != nil
	}
	for _, other := range st.members {
		if other.wears == mem && other.publish.next != nil {
			return true
		}
	}
	return false
}

// show tells the sockets what changed of a member.
func (st *stage) show(mem *member) {
	mask := mem.wears
	if mask == nil {
		st.change(mem)
		return
	}
	mask.publishing = false
	for _, other := range st.members {
		if other.wears == mask && other.publishing {
			mask.publishing = true
		}
	}
	st.change(mask)
}

// lead makes a publication the one that those who watch its feed see, unless the other one of a redundant
// ingest is that already: then it stands by.
func (f *feed) lead(p *publication) {
	if f.publisher != nil && f.publisher.mem != p.mem {
		f.standby = append(f.standby, p)
		f.prefer(p)
		return
	}
	f.choose(p)
}

// prefer puts a publication that stands by, and sends, in the place of one that does not send.
func (f *feed) prefer(p *publication) {
	i := slices.Index(f.standby, p)
	if i >= 0 && p.sends() && f.publisher != nil && !f.publisher.sends() {
		f.standby[i] = f.publisher
		f.choose(p)
	}
}

// yield puts one that stands by, and sends, in the place of a publication that does not send any more.
func (f *feed) yield(p *publication) {
	if i := slices.IndexFunc(f.standby, (*publication).sends); f.publisher == p && i >= 0 {
		f.prefer(f.standby[i])
	}
}

// choose decides that a publication is the one.
func (f *feed) choose(p *publication) {
	f.publisher = p
	number := p.st.m.numbers.Add(1)
	p.st.defers(func() { f.take(p, number) })
}

// lose takes a publication that is over out of its feed, and puts one that stood by in its place.
func (f *feed) lose(p *publication) {
	if i := slices.Index(f.standby, p); i >= 0 {
		f.standby = slices.Delete(f.standby, i, i+1)
		return
	}
	if f.publisher != p {
		return
	}
	f.publisher = nil
	if len(f.standby) == 0 {
		p.st.miss(f)
		p.st.reseat(f.id)
		return
	}
	i := max(0, slices.IndexFunc(f.standby, (*publication).sends)) // rather one that sends
	next := f.standby[i]
	f.standby = slices.Delete(f.standby, i, i+1)
	f.choose(next)
}
