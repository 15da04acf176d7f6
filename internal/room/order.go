package room

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/cluster"
)

// order is a room's part in the one order that all nodes of a cluster give it; a node alone needs none.
//
// One node owns the room, by a lease. It numbers what is said and publishes it; itself, it takes part like
// all others: what it published counts once it comes back from the bus. Others see by the numbers what they have
// missed, and ask the owner for it. When an owner goes, the next one asks all nodes what they have heard, takes over
// the longest order of the latest epoch, and has all promise to listen to no earlier owner any more.
//
// All of it is guarded by room.mu.
type order struct {
	lease   cluster.Lease // by which this node numbers; zero: it does not
	taking  bool          // this node is about to own the room
	renewed time.Duration // when the lease was; the manager's uptime
	number  uint64        // the last one given
	given   map[string]uint64
	unheard []*note // numbered here and not back from the bus, in order

	owner   string            // address of the node that numbers; "": not known
	epoch   uint64            // whose order this is
	promise uint64            // what owners of earlier epochs say does not count; never below epoch
	synced  bool              // this node takes part: room.last is a place in the order
	doubt   bool              // something may have been missed
	known   uint64            // the last number of the epoch that was heard of
	heard   map[string]uint64 // serial of the last note of each node in the order, as far as it was heard
	early   []*note           // behind a gap, or of an epoch that was not joined yet
	orphans map[string]bool   // ids that members here have seen and that come into the order again

	mending    bool
	posts      []*note // what was said here and is not in the order yet
	forwarding bool
	ticks      int // how often the last number is still to be told again
	turn       chan struct{}
}

const (
	maxEarly  = 4096
	maxNodes  = 256 // whose serials are remembered
	lastWords = 3   // times that an owner repeats its last number, a second apart, so that no loss stays unseen
)

// numbers says whether this node is the owner now, with r.mu held.
func (r *room) numbers() bool {
	o := &r.order
	return o.lease.Epoch != 0 && o.lease.Epoch == o.promise && o.synced && r.m.cluster.Holds(o.lease)
}

// hear takes a note from the bus, which calls it for one note after the other.
func (r *room) hear(b bus.Message) {
	n, err := parseNote(b.Data)
	if err != nil {
		r.m.log.Warn("chat note ignored", "room", r.id, "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.order
	switch {
	case n.kind == noteClose:
		r.shut()
	case n.epoch < o.promise:
		r.m.metrics.stale.Inc()
	case n.epoch > o.epoch || !o.synced:
		r.promised(n.epoch)
		o.owner, o.known = n.owner, max(o.known, n.number)
		r.waitFor(n)
		r.mend()
	case len(o.unheard) > 0 && n.owner == r.m.cluster.Address() && !r.numbers():
		// One's own words, but they come so late that another may own the room, whose members have heard others.
		o.doubt = true
		r.mend()
	case len(o.unheard) > 0 && n.number >= o.unheard[0].number: // one's own words
		for len(o.unheard) > 0 && o.unheard[0].number <= n.number {
			next := o.unheard[0]
			o.unheard = o.unheard[1:]
			r.deliver(next)
		}
	case o.doubt && !r.numbers():
		o.known = max(o.known, n.number)
		r.waitFor(n)
		r.mend()
	case n.number <= r.last: // known already
	case n.kind != noteTick && n.number == r.last+1:
		r.deliver(n)
		r.follow()
	default:
		o.known = max(o.known, n.number)
		r.waitFor(n)
		r.mend()
	}
}

// waitFor keeps a note until those before it are there, with r.mu held.
func (r *room) waitFor(n *note) {
	if n.kind != noteTick && len(r.order.early) < maxEarly { // who loses one asks for it like for any other
		r.order.early = append(r.order.early, n)
	}
}

// follow delivers what has waited for its turn, with r.mu held.
func (r *room) follow() {
	o := &r.order
	if len(o.early) == 0 {
		return
	}
	slices.SortStableFunc(o.early, func(a, b *note) int { return cmp.Compare(a.number, b.number) })
	rest := o.early[:0]
	for _, n := range o.early {
		switch {
		case n.epoch == o.epoch && n.number == r.last+1:
			r.deliver(n)
		case n.epoch > o.epoch, n.epoch == o.epoch && n.number > r.last:
			rest = append(rest, n)
		}
	}
	clear(o.early[len(rest):])
	if o.early = rest; len(rest) == 0 {
		o.early = nil
	}
}

// deliver puts a numbered note in its place: it is sent to members, and who said it here has been heard. r.mu
// is held.
func (r *room) deliver(n *note) {
	o := &r.order
	if missing := n.number - r.last - 1; missing > 0 {
		r.m.metrics.lost.Add(float64(missing))
	}
	n.quiet = n.quiet || o.orphans[n.id]
	delete(o.orphans, n.id)
	o.known = max(o.known, n.number)
	r.count(n)
	if n.node == r.m.cluster.Address() {
		r.heardOwn(n.serial)
	} else if n.kind == noteMessage && !n.quiet {
		r.keep.heard(n.about, r.m.now())
	}
	r.put(n)
}

// count remembers how far a node was heard, with r.mu held.
func (r *room) count(n *note) {
	o := &r.order
	if o.heard == nil {
		o.heard = map[string]uint64{}
	}
	o.heard[n.node] = max(o.heard[n.node], n.serial)
	if len(o.heard) > maxNodes {
		least := n.node
		for node, serial := range o.heard {
			if serial < o.heard[least] {
				least = node
			}
		}
		delete(o.heard, least)
	}
}

// enumerate gives a note its number and publishes it, with r.mu held and r.numbers() true. It says TooFast when
// the room's rate is over, and otherwise fails only with the bus.
func (r *room) enumerate(spec Spec, n *note) error {
	o := &r.order
	if n.serial <= o.given[n.node] {
		return nil // it was given again, because the first answer was lost
	}
	if n.kind == noteMessage && spec.MaxRate > 0 && !n.again && !r.rate.take(r.m.now().UnixNano(), spec.MaxRate) {
		return tooFast(spec)
	}
	o.given[n.node] = n.serial
	if _, ok := r.past.find(n.id); n.again && ok {
		return nil // others had it in their order, too
	}
	n.epoch, n.number, n.owner = o.lease.Epoch, o.number+1, o.lease.Owner
	if !n.again {
		r.m.record(spec, n, time.Unix(0, n.received))
	}
	if err := r.m.bus.Publish(subject(r.id), n.encode()); err != nil {
		return err
	}
	o.number++
	o.unheard = append(o.unheard, n)
	o.ticks = lastWords
	return nil
}

// tick tells the last number again.
func (r *room) tick() {
	o := &r.order
	t := note{kind: noteTick, epoch: o.lease.Epoch, number: o.number, owner: o.lease.Owner}
	if err := r.m.bus.Publish(subject(r.id), t.encode()); err != nil {
		r.m.log.Debug("chat room's number not told", "room", r.id, "error", err)
	}
}

// promised takes the promise to listen to no owner before the one of this epoch, with r.mu held.
func (r *room) promised(epoch uint64) {
	if o := &r.order; epoch > o.promise {
		o.promise, o.known = epoch, 0
	}
}

// own makes this node the owner, with r.mu held. What it has been given is what is in the order.
func (r *room) own(l cluster.Lease) {
	o := &r.order
	o.lease, o.epoch, o.promise, o.owner, o.synced, o.doubt = l, l.Epoch, l.Epoch, l.Owner, true, false
	o.number, o.known, o.renewed = r.last, r.last, r.m.uptime()
	o.unheard, o.early = nil, nil
	o.given = map[string]uint64{}
	maps.Copy(o.given, o.heard)
	o.ticks = lastWords
	r.tick()
	r.forward()
}

// disown ends this node's ownership and gives the lease that it had, with r.mu held.
func (r *room) disown() cluster.Lease {
	l := r.order.lease
	r.order.lease = cluster.Lease{}
	return l
}
