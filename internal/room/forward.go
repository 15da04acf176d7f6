package room

import (
	"context"
	"errors"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// A message is a matter of the node where it was said until that node has heard it in the room's order. Until
// then it is given to whoever owns the room, again if need be: its serial tells the owner whether it is new.
const (
	maxPosts   = 1024      // messages of one room that may wait on one node
	maxParcel  = 64        // of them in one request
	parcelSize = 256 << 10 // bytes of one request, from which on no more are added
)

// post brings a note into the room's order. An error means that it was refused; without one, n.done is called,
// once it is in the order or if it is refused later.
func (r *room) post(spec Spec, n *note, received time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m.cluster == nil {
		r.m.record(spec, n, received) // the record has the room's order, too
		n.number = r.last + 1
		r.put(n)
		n.settle(nil)
		return nil
	}
	o := &r.order
	if len(o.posts) >= maxPosts {
		return fault.Down("too many messages wait for the room")
	}
	if r.m.limitsOff {
		spec.MaxRate = 0
	}
	n.node, n.serial, n.received = r.m.cluster.Address(), r.m.serials.Add(1), received.UnixNano()
	n.spec, n.posted, n.givenTo = spec, r.m.uptime(), 0
	first := !o.forwarding && r.unforwarded() == nil
	o.posts = append(o.posts, n)
	if first && r.numbers() {
		err := r.enumerate(spec, n)
		if fault.Of(err) == fault.Throttled {
			o.posts = o.posts[:len(o.posts)-1]
			return err
		} else if err == nil {
			n.givenTo = o.epoch
			return nil
		}
	}
	r.forward()
	return nil
}

// settle tells who said a note what became of it.
func (n *note) settle(err error) {
	if n.done != nil {
		n.done(err)
		n.done = nil
	}
}

// heardOwn ends the wait of a note of this node, with r.mu held.
func (r *room) heardOwn(serial uint64) { r.withdraw(serial, nil) }

// withdraw takes a note out of those that wait, with r.mu held.
func (r *room) withdraw(serial uint64, err error) {
	o := &r.order
	for i, n := range o.posts {
		if n.serial == serial {
			copy(o.posts[i:], o.posts[i+1:])
			o.posts[len(o.posts)-1] = nil
			o.posts = o.posts[:len(o.posts)-1]
			n.settle(err)
			return
		}
	}
}

// expire refuses what has waited for too long, with r.mu held.
func (r *room) expire(uptime time.Duration) {
	for len(r.order.posts) > 0 && uptime-r.order.posts[0].posted >= r.m.patience {
		r.m.metrics.unforwarded.Inc()
		r.withdraw(r.order.posts[0].serial, errNobody)
	}
}

var errNobody = fault.Down("nobody took the message")

// forward sees to it that what waits is given to the owner, with r.mu held.
func (r *room) forward() {
	if !r.order.forwarding && r.unforwarded() != nil {
		r.order.forwarding = r.m.start(r.forwardAll)
	}
}

// unforwarded gives what waits and was not given to the present owner, as much as goes into one request; r.mu is
// held.
func (r *room) unforwarded() []*note {
	var batch []*note
	size := 0
	for _, n := range r.order.posts {
		if n.givenTo != 0 && n.givenTo == r.order.epoch && r.order.epoch == r.order.promise {
			continue
		}
		if len(batch) > 0 && (size >= parcelSize || len(batch) == maxParcel || n.again != batch[0].again) {
			break
		}
		batch = append(batch, n)
		size += len(n.frame)
	}
	return batch
}

// forwardAll gives the owner what waits, one request after the other, and ends when nothing does.
func (r *room) forwardAll() {
	for tries := 0; ; tries++ {
		r.mu.Lock()
		o := &r.order
		r.expire(r.m.uptime())
		batch := r.unforwarded()
		if batch == nil || r.m.life.Err() != nil {
			o.forwarding = false
			r.mu.Unlock()
			return
		}
		if r.numbers() {
			err := r.enumerateOwn(batch)
			r.mu.Unlock()
			if err != nil {
				pause(r.m.life, 50)
			}
			continue
		}
		owner, epoch := o.owner, o.epoch
		ready := o.synced && epoch == o.promise && owner != "" && owner != r.m.cluster.Address()
		ask := inquiry{Op: opForward, Room: r.id, Epoch: epoch, Spec: batch[0].spec}
		parcel := pack(ask, batch)
		left := r.m.patience - (r.m.uptime() - o.posts[0].posted)
		r.mu.Unlock()

		if ready && r.handOver(owner, epoch, parcel, batch) {
			tries = 0
			continue
		}
		ctx, cancel := context.WithTimeout(r.m.life, max(left, time.Millisecond))
		if err := r.settle(ctx); err != nil {
			r.m.log.Debug("chat room has no owner yet", "room", r.id, "error", err)
		}
		pause(ctx, min(tries, 5)*10)
		cancel()
	}
}

// enumerateOwn numbers what was said here, with r.mu held and r.numbers() true.
func (r *room) enumerateOwn(batch []*note) error {
	for _, n := range batch {
		switch err := r.enumerate(n.spec, n); {
		case err == nil:
			n.givenTo = r.order.epoch
		case fault.Of(err) == fault.Throttled:
			r.withdraw(n.serial, err)
		default:
			return err
		}
	}
	return nil
}

// handOver gives the owner a parcel and says whether it took it.
func (r *room) handOver(owner string, epoch uint64, parcel []byte, batch []*note) bool {
	a, _, err := r.m.ask(r.m.life, owner, parcel)
	if err != nil || a.State != stateOwner {
		r.m.metrics.refusedForwards.Inc()
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.order.epoch != epoch {
		return true // who owns the room now is given all of it anew
	}
	for i, n := range batch {
		if i >= a.Taken {
			break
		}
		n.givenTo = epoch
	}
	for _, i := range a.Refused {
		if i >= 0 && i < len(batch) {
			r.withdraw(batch[i].serial, tooFast(batch[i].spec))
		}
	}
	return a.Taken > 0
}

// take answers a node that forwards: with how many of the notes were dealt with, and which of them were too many.
func (r *room) take(ask inquiry, notes []*note) reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.numbers() || ask.Epoch != r.order.epoch {
		return r.state()
	}
	a := r.state()
	for i, n := range notes {
		if err := r.enumerate(ask.Spec, n); fault.Of(err) == fault.Throttled {
			a.Refused = append(a.Refused, i)
		} else if err != nil {
			break
		}
		a.Taken++
	}
	return a
}

func tooFast(spec Spec) error {
	return fault.TooFast(spec.MaxRate, "more than %d messages per second in the room", spec.MaxRate)
}

// pause waits for so many milliseconds, or less if ctx ends.
func pause(ctx context.Context, ms int) {
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
	case <-ctx.Done():
	}
}

// start runs a function that Shutdown waits for, unless it has begun to.
func (m *Manager) start(f func()) bool {
	m.gate.Lock()
	defer m.gate.Unlock()
	if m.ended {
		return false
	}
	m.work.Go(f)
	return true
}

var errUnsettled = errors.New("the room's owner is being found")
