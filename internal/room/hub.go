package room

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
)

const (
	specFresh = time.Second      // how long a busy room's limits may lag behind UpdateRoom
	specStale = 30 * time.Second // how long a quiet room may miss that it was deleted
	lookupFor = 2 * time.Second  // for the directory or the bus to answer
)

// room is a chat room that has members on this node: who they are, and the one order in which they hear
// everything. It lives from the first member to the last.
type room struct {
	m  *Manager
	id string

	// Guarded by m.mu.
	users     int           // connections that use it or are about to
	idleSince time.Duration // since when it has none; the manager's uptime
	lingering int           // bytes that it keeps meanwhile

	keep keeper
	line line // of messages that are being reviewed

	opening sync.Once
	openErr error
	sub     *bus.Sub // set by open

	mu     sync.Mutex
	spec   Spec
	read   time.Time // when spec was read
	gone   bool
	closed bool // gone, and its members were told
	asking bool // somebody is reading the spec
	rate   bucket
	shards []*shard
	sizes  []int  // members per shard
	told   uint64 // deliveries so far
	last   uint64 // number of the last note in the room's order
	past   ring
	order  order
}

// open subscribes to what is said in the room. It returns when that is in force, so that a member which
// joins afterwards misses nothing.
func (r *room) open() error {
	r.opening.Do(func() {
		ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
		defer cancel()
		if r.m.cluster != nil {
			if r.sub, r.openErr = r.m.bus.Subscribe(subject(r.id), r.hear); r.openErr == nil {
				r.openErr = r.m.bus.Flush(ctx)
			}
		}
		if r.openErr == nil { // who changes the rules from here on finds the room running
			r.openErr = r.keep.read(ctx, r.m.db, r.arn(), r.m.now())
		}
		if r.openErr == nil && r.m.cluster != nil {
			r.openErr = r.begin()
		}
	})
	return r.openErr
}

// close ends what open began.
func (r *room) close() {
	if r.sub != nil {
		r.sub.Close()
		r.release()
	}
}

// join makes c a member: it is sent what it wishes of the past, and from now on everything, in order.
func (r *room) join(c *conn, w wish) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.from = r.told
	c.lead(r.recall(w, c.user))
	best := 0
	for i, n := range r.sizes {
		if n < r.sizes[best] {
			best = i
		}
	}
	if len(r.shards) == 0 || r.sizes[best] >= shardSize && len(r.shards) < runtime.GOMAXPROCS(0) {
		best = len(r.shards)
		r.shards = append(r.shards, &shard{room: r})
		r.sizes = append(r.sizes, 0)
	}
	r.sizes[best]++
	r.shards[best].add(c)
}

// part ends what join began.
func (r *room) part(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, s := range r.shards {
		if s == c.shard {
			r.sizes[i]--
		}
	}
	c.shard.remove(c)
}

// put keeps a note that has its number and sends it to the members, with r.mu held.
func (r *room) put(n *note) {
	r.last = n.number
	if n.kind == noteDelete {
		r.past.forget(n.about)
	}
	e := newEntry(n)
	r.past.add(e)
	if e.framed != nil && !n.quiet {
		r.told++
		r.push(delivery{kind: n.kind, number: r.told, frame: e.framed, user: n.about})
	}
}

// shut ends all connections and forgets the past, with r.mu held.
func (r *room) shut() {
	r.past.clear()
	r.push(delivery{kind: noteClose})
}

func (r *room) push(d delivery) {
	for _, s := range r.shards {
		s.push(d)
	}
}

// spend takes one message off the room's rate and says whether there was one left.
func (r *room) spend(now time.Time, perSecond int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rate.take(now.UnixNano(), perSecond)
}

// learn remembers the room's settings as read just now.
func (r *room) learn(spec Spec, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spec, r.read, r.gone, r.closed = spec.withDefaults(), now, false, false
}

// current gives the room's settings, not older than specFresh as long as the directory answers. The error
// is a NotFound fault once the room is gone.
func (r *room) current(now time.Time) (Spec, error) {
	r.refresh(now, specFresh)
	r.look(now, specFresh)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone {
		return Spec{}, fault.Missing("the room does not exist")
	}
	return r.spec, nil
}

// refresh reads the settings again if they are older than age and nobody else is at it. The members of a
// room found gone are left to the sweep, so that a request that found it is answered first.
func (r *room) refresh(now time.Time, age time.Duration) {
	r.mu.Lock()
	due := !r.asking && !r.gone && (now.Sub(r.read) >= age || now.Before(r.read))
	r.asking = r.asking || due
	arn := r.spec.ARN
	r.mu.Unlock()
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(r.m.life, lookupFor)
	defer cancel()
	spec, err := r.m.directory.Room(ctx, arn)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking, r.read = false, now
	switch {
	case err == nil:
		r.spec = spec.withDefaults()
	case fault.Of(err) == fault.NotFound:
		r.gone = true
	case r.m.life.Err() == nil:
		r.m.log.Warn("chat room settings not read; the last ones stay", "room", r.id, "error", err)
	}
}

// closeIfGone ends the connections of a room that was found gone, once.
func (r *room) closeIfGone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.gone || r.closed {
		return
	}
	r.closed = true
	r.shut()
}

// each calls do for every member as of now.
func (r *room) each(do func(*conn)) {
	r.mu.Lock()
	shards := append([]*shard(nil), r.shards...)
	r.mu.Unlock()
	for _, s := range shards {
		s.each(do)
	}
}
