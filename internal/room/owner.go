package room

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/cluster"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	service    = "room"           // name of this package's calls in the cluster
	settleFor  = 10 * time.Second // for a room to have an owner: a dead one's term, and a new one's beginning
	replySize  = 512 << 10        // bytes of notes in one answer, from which on no more are added
	renewEvery = 3 * time.Minute  // names of owners are kept for ten
)

// ask sends another node an inquiry.
func (m *Manager) ask(ctx context.Context, node string, inquiry []byte) (reply, []*note, error) {
	b, err := m.cluster.Call(ctx, node, service, inquiry)
	if err != nil {
		return reply{}, nil, err
	}
	var a reply
	notes, err := unpack(b, &a)
	return a, notes, err
}

// answer is what other nodes are told.
func (m *Manager) answer(b []byte) []byte {
	var ask inquiry
	notes, err := unpack(b, &ask)
	if err != nil {
		m.log.Warn("chat inquiry ignored", "error", err)
		return pack(reply{}, nil)
	}
	m.mu.Lock()
	r := m.rooms[ask.Room]
	m.mu.Unlock()
	if r == nil {
		return pack(reply{}, nil)
	}
	switch ask.Op {
	case opForward:
		return pack(r.take(ask, notes), nil)
	case opCatchUp:
		return pack(r.tell(ask))
	case opPromise:
		return pack(r.swear(ask.Epoch), nil)
	}
	return pack(reply{}, nil)
}

// state says what this node is to the room, with r.mu held.
func (r *room) state() reply {
	o := &r.order
	a := reply{Epoch: o.epoch, Promise: o.promise, Owner: o.owner, Last: r.last, Synced: o.synced}
	switch {
	case r.numbers():
		a.State = stateOwner
	case o.taking:
		a.State = stateTaking
	}
	return a
}

// swear promises to listen to no owner before the one of this epoch, and says what is known here.
func (r *room) swear(epoch uint64) reply {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promised(epoch)
	r.forward() // what waits has nobody now who has taken it
	a := r.state()
	a.Epoch = r.epochOf(r.last)
	return a
}

// begin gives the room an owner when it is opened, and this node its place in the order. Nobody is let in before:
// who is in must not miss anything.
func (r *room) begin() error {
	ctx, cancel := context.WithTimeout(r.m.life, settleFor)
	defer cancel()
	if err := r.settle(ctx); err != nil {
		return fault.Down("the room has no owner yet").Because(err)
	}
	return nil
}

// settle sees to it that the room has an owner, this node if there is no other, and that this node has its order.
func (r *room) settle(ctx context.Context) error {
	select {
	case r.order.turn <- struct{}{}:
		defer func() { <-r.order.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		err := r.seek(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return err
		}
		pause(ctx, 100)
	}
}

// seek tries once.
func (r *room) seek(ctx context.Context) error {
	l, alive, err := r.m.cluster.Look(ctx, r.id)
	if err != nil {
		return err
	}
	switch {
	case !alive:
	case l.Owner == r.m.cluster.Address():
		r.mu.Lock()
		mine := r.numbers()
		r.mu.Unlock()
		if mine {
			return nil
		}
	default:
		switch s, err := r.catchUp(ctx, l.Owner, false); {
		case err != nil:
			return err // it may be gone: its term shows
		case s == stateOwner:
			return nil
		case s == stateTaking:
			return errUnsettled
		}
	}
	return r.takeOver(ctx, l)
}

// takeOver makes this node the owner after another, if nobody else is faster.
func (r *room) takeOver(ctx context.Context, last cluster.Lease) error {
	r.mu.Lock()
	r.order.taking = true
	above := max(r.order.promise, r.order.epoch)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.order.taking = false
		r.mu.Unlock()
	}()
	for {
		l, err := r.m.cluster.Take(ctx, r.id, last, above)
		if err != nil {
			return err
		}
		answers, err := r.gather(ctx, l.Epoch)
		if err != nil {
			return err
		}
		above = r.swear(l.Epoch).Promise
		for _, a := range answers {
			above = max(above, a.Promise)
		}
		if above > l.Epoch { // the names of owners were lost once
			last = l
			continue
		}
		return r.succeed(ctx, l, answers)
	}
}

// gather asks all nodes for their promise, and gives what they have.
func (r *room) gather(ctx context.Context, epoch uint64) (map[string]reply, error) {
	members, err := r.m.cluster.Members(ctx)
	if err != nil {
		return nil, err
	}
	r.swear(epoch)
	ask := pack(inquiry{Op: opPromise, Room: r.id, Epoch: epoch}, nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	answers := map[string]reply{}
	for _, node := range members {
		if node == r.m.cluster.Address() {
			continue
		}
		wg.Go(func() {
			// Who does not answer is gone, or has lost the others: then its members wait for what it hears next.
			if a, _, err := r.m.ask(ctx, node, ask); err == nil {
				mu.Lock()
				defer mu.Unlock()
				answers[node] = a
			}
		})
	}
	wg.Wait()
	return answers, nil
}

// succeed takes over the longest order of the latest epoch and begins to number.
func (r *room) succeed(ctx context.Context, l cluster.Lease, answers map[string]reply) error {
	r.mu.Lock()
	r.order.unheard = nil // whoever said it says it again
	have := r.state()
	have.Epoch = r.epochOf(r.last)
	r.mu.Unlock()
	best, longest := "", have
	for node, a := range answers {
		if a.Synced && (!longest.Synced || a.Epoch > longest.Epoch || a.Epoch == longest.Epoch && a.Last > longest.Last) {
			best, longest = node, a
		}
	}
	if best != "" {
		if _, err := r.catchUp(ctx, best, true); err != nil {
			return fmt.Errorf("take over the room's order: %w", err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.order.promise != l.Epoch || !r.m.cluster.Holds(l) {
		return fault.Down("another node was faster")
	}
	r.own(l)
	return nil
}

// tend looks after the room's order about once a second.
func (r *room) tend(uptime time.Duration) (owned bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.order
	r.expire(uptime)
	r.forward()
	if owned = r.numbers(); !owned {
		return false
	}
	if o.ticks > 0 {
		o.ticks--
		r.tick()
	}
	if uptime-o.renewed >= renewEvery {
		o.renewed = uptime
		r.m.start(r.renew)
	}
	return true
}

// renew keeps this node's name as the owner.
func (r *room) renew() {
	r.mu.Lock()
	l := r.order.lease
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
	defer cancel()
	next, err := r.m.cluster.Renew(ctx, r.id, l)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.order.lease != l:
	case err == nil:
		r.order.lease = next
	case fault.Of(err) == fault.Conflict:
		r.disown()
	}
}

// tendOrders looks after all rooms, those that nobody is in included.
func (m *Manager) tendOrders(uptime time.Duration) {
	owned := 0
	for _, r := range m.all() {
		if r.tend(uptime) {
			owned++
		}
	}
	m.metrics.owned.Set(float64(owned))
}

func (m *Manager) all() []*room {
	m.mu.Lock()
	defer m.mu.Unlock()
	rooms := make([]*room, 0, len(m.rooms))
	for _, r := range m.rooms {
		rooms = append(rooms, r)
	}
	return rooms
}

// doubt has all rooms deliver nothing more until they have asked whether something was missed, which is of use
// when the bus is there again.
func (m *Manager) doubt(ask bool) {
	for _, r := range m.all() {
		r.mu.Lock()
		r.order.doubt, r.order.ticks = true, lastWords
		if ask {
			r.mend()
		}
		r.mu.Unlock()
	}
}

// handDown ends the ownership of all rooms, so that other nodes take them over at once.
func (m *Manager) handDown(ctx context.Context) {
	for _, r := range m.all() {
		r.mu.Lock()
		r.disown()
		r.mu.Unlock()
	}
	if err := m.cluster.Leave(ctx); err != nil {
		m.log.Warn("cluster: not left; the other nodes wait", "error", err)
	}
}

// release gives up a room that is not used here any more.
func (r *room) release() {
	r.mu.Lock()
	l := r.disown()
	r.mu.Unlock()
	if l.Epoch == 0 {
		return
	}
	r.m.start(func() {
		ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
		defer cancel()
		if err := r.m.cluster.Release(ctx, r.id, l); err != nil {
			r.m.log.Debug("chat room not released; its lease ends by itself", "room", r.id, "error", err)
		}
	})
}
