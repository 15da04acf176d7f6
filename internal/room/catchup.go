package room

import (
	"context"
	"maps"
	"slices"
)

// tell answers who wants to catch up: with what comes after its last note, or, if its order is another or older
// than what is kept, with all that is kept.
func (r *room) tell(ask inquiry) (reply, []*note) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.state()
	a.Heard = maps.Clone(r.order.heard)
	if !a.Synced {
		return a, nil
	}
	all := make([]*note, 0, r.past.n+len(r.order.unheard))
	for i := range r.past.n {
		e := r.past.at(i)
		n := e.note
		if e.framed != nil {
			n.frame = payloadOf(e.framed)
		}
		all = append(all, &n)
	}
	all = append(all, r.order.unheard...)
	from := slices.IndexFunc(all, func(n *note) bool { return n.number == ask.Last && n.epoch == ask.Epoch }) + 1
	a.Whole = from == 0 && !(ask.Synced && ask.Last == r.last && len(all) == 0)
	if !ask.Synced {
		from, a.Whole = 0, true
	}
	size := 0
	for i, n := range all[from:] {
		if size += len(n.frame); size > replySize {
			a.More = true
			return a, all[from : from+i+1]
		}
	}
	return a, all[from:]
}

// catchUp asks a node for what was missed here, and says what it is to the room. From whom that must be: the
// owner that is listened to, unless from anybody is good enough.
func (r *room) catchUp(ctx context.Context, node string, anybody bool) (state, error) {
	for {
		r.mu.Lock()
		ask := inquiry{Op: opCatchUp, Room: r.id, Epoch: r.epochOf(r.last), Last: r.last, Synced: r.order.synced}
		r.mu.Unlock()
		a, notes, err := r.m.ask(ctx, node, pack(ask, nil))
		if err != nil {
			return stateNone, err
		}
		if a.State != stateOwner && !anybody {
			return a.State, nil
		}
		r.mu.Lock()
		switch {
		case !a.Synced:
			err = errUnsettled
		case !anybody && a.Epoch < r.order.promise:
			err = errUnsettled
		case ask.Synced != r.order.synced, a.Whole && ask.Last != r.last: // it went on meanwhile
			a.More = true
		default:
			r.absorb(a, notes)
		}
		r.mu.Unlock()
		if err != nil || !a.More {
			return a.State, err
		}
	}
}

// epochOf gives the epoch in which the note with a number was given it, as far as it is kept; r.mu is held.
func (r *room) epochOf(number uint64) uint64 {
	if r.past.n > 0 {
		if e := r.past.at(r.past.n - 1); e.number == number {
			return e.epoch
		}
	}
	return 0
}

// absorb takes over another node's order, with r.mu held. What members here have heard and the order does not
// have, because it came from an owner that had lost the others, comes into it again; nobody here is sent it twice.
func (r *room) absorb(a reply, notes []*note) {
	o := &r.order
	before := r.last
	if a.Whole || !o.synced {
		notes = r.merge(a, notes)
	}
	o.synced, o.doubt, o.unheard = true, a.More, nil
	for _, n := range notes {
		if n.number > r.last {
			r.deliver(n)
		}
	}
	if !a.More {
		for node, serial := range a.Heard { // what fell out of what is kept
			r.count(&note{node: node, serial: serial})
		}
	}
	r.m.metrics.repaired.Add(float64(r.last - min(before, r.last)))
	if a.More {
		return
	}
	if r.last < a.Last {
		r.last = a.Last // it keeps nothing
	}
	r.promised(a.Epoch)
	o.epoch = a.Epoch
	if a.State == stateOwner {
		o.owner = a.Owner
	}
	r.follow()
	r.forward()
}

// merge makes the room's past that of a whole order, as far as members here have heard it, and gives what they
// have not. r.mu is held.
func (r *room) merge(a reply, notes []*note) []*note {
	o := &r.order
	type place struct{ epoch, number uint64 }
	known := map[string]bool{}
	common, has := uint64(0), map[place]bool{}
	for _, n := range notes {
		has[place{n.epoch, n.number}] = true
		known[n.id] = true
		r.count(n)
	}
	first := a.Last + 1 // of what it keeps
	if len(notes) > 0 {
		first = notes[0].number
	}
	mine := r.past
	r.past = ring{most: mine.most}
	seen := map[string]bool{}
	for i := range mine.n {
		e := mine.at(i)
		seen[e.id] = true
		switch {
		case e.number < first:
			r.past.add(*e)
		case has[place{e.epoch, e.number}]:
			common = e.number
		case !known[e.id] && e.framed != nil:
			r.again(e)
		}
	}
	from := 0
	for from < len(notes) && (!o.synced || notes[from].number <= common) {
		n := notes[from]
		if i, ok := mine.find(n.id); ok {
			r.past.add(*mine.at(i))
		} else {
			r.past.add(newEntry(n))
		}
		from++
	}
	for _, n := range notes[from:] {
		n.quiet = seen[n.id]
	}
	switch {
	case from > 0:
		r.last = notes[from-1].number
	case !o.synced || r.last >= first:
		r.last = first - 1
	}
	return notes[from:]
}

// again brings what members here have heard into the order once more, with r.mu held.
func (r *room) again(e *entry) {
	o := &r.order
	if len(o.posts) >= maxPosts {
		return
	}
	n := e.note
	n.frame, n.again, n.done = payloadOf(e.framed), true, nil
	n.node, n.serial, n.givenTo = r.m.cluster.Address(), r.m.serials.Add(1), 0
	n.spec, n.posted = r.spec, r.m.uptime()
	o.posts = append(o.posts, &n)
	if o.orphans == nil {
		o.orphans = map[string]bool{}
	}
	o.orphans[n.id] = true
}

// mend sees to it that what was missed is asked for, with r.mu held.
func (r *room) mend() {
	if !r.order.mending {
		r.order.mending = r.m.start(r.mendAll)
	}
}

// whole says that nothing is known to be missing, with r.mu held.
func (r *room) whole() bool {
	o := &r.order
	return o.synced && !o.doubt && o.epoch == o.promise && r.last >= o.known
}

// mendAll asks for what was missed until nothing is.
func (r *room) mendAll() {
	for tries := 0; ; tries++ {
		r.mu.Lock()
		mine := r.numbers()
		if mine || r.whole() || r.m.life.Err() != nil {
			r.order.mending, r.order.doubt = false, r.order.doubt && !mine
			r.mu.Unlock()
			return
		}
		owner := r.order.owner
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(r.m.life, settleFor)
		if s, err := r.catchUp(ctx, owner, false); err != nil || s != stateOwner {
			if err := r.settle(ctx); err != nil {
				r.m.log.Debug("chat room has no owner yet", "room", r.id, "error", err)
			}
		}
		if tries > 0 {
			pause(ctx, min(tries, 20)*10)
		}
		cancel()
	}
}
