package room

import "sync"

const (
	shardSize = 256      // members from which on a further shard is worth a goroutine
	maxBatch  = 32 << 10 // bytes of several frames that are joined for one write
)

// shard is a part of a room's members with its own fan-out: a crowd is spread over the processor's cores,
// while a small room is one shard. Every shard gets the room's deliveries in the room's order.
//
// A delivery goes out at once when the shard is idle. What arrives while it is being written collects,
// and goes out in one write per member: the busier a room, the fewer the writes. So the cost of a message
// never grows beyond what the socket calls of one pass cost, and nobody waits for a timer.
type shard struct {
	room *room

	mu      sync.Mutex
	members []*conn
	pending []delivery
	running bool

	// Of the running pass alone.
	to   []*conn
	work []delivery
}

// delivery is what all members are sent.
type delivery struct {
	kind   noteKind
	number uint64 // place in the room's order; 0 for noteClose
	frame  []byte // a ready WebSocket frame; nil for noteClose
	user   string // whose connections end after it, for noteDisconnect
}

func (s *shard) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.shard, c.slot = s, len(s.members)
	s.members = append(s.members, c)
}

func (s *shard) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.members) - 1
	s.members[c.slot] = s.members[last]
	s.members[c.slot].slot = c.slot
	s.members[last] = nil
	s.members = s.members[:last]
	if cap(s.members) > 4*shardSize && last < cap(s.members)/4 {
		s.members = append(make([]*conn, 0, cap(s.members)/2), s.members...)
	}
}

// each calls do for every member as of now, without a lock held.
func (s *shard) each(do func(*conn)) {
	s.mu.Lock()
	members := append([]*conn(nil), s.members...)
	s.mu.Unlock()
	for _, c := range members {
		do(c)
	}
}

// push queues a delivery and sees to it that it goes out. Nobody is there: nothing is queued.
func (s *shard) push(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.members) == 0 {
		return
	}
	s.pending = append(s.pending, d)
	if !s.running {
		s.running = true
		s.room.m.work.Go(s.run)
	}
}

// run makes passes over the members until nothing is pending.
func (s *shard) run() {
	for s.gather() {
		for rest := s.work; len(rest) > 0; {
			n, frames := join(rest)
			s.deliver(rest[:n], frames)
			rest = rest[n:]
		}
	}
}

// gather takes what is pending and who is there. When there is nothing to do, it ends the run.
func (s *shard) gather() bool {
	clear(s.to)
	clear(s.work)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending) == 0 {
		s.to, s.work = shrink(s.to), shrink(s.work)
		s.running = false
		return false
	}
	s.work, s.pending = s.pending, s.work[:0]
	s.to = append(s.to[:0], s.members...)
	return true
}

// shrink empties a scratch slice and gives a big one back.
func shrink[T any](s []T) []T {
	if cap(s) > 4*shardSize {
		return nil
	}
	return s[:0]
}

// join makes one write of the first deliveries: as many as fit, and none behind one that ends connections.
func join(work []delivery) (n int, frames []byte) {
	size := 0
	for n < len(work) {
		d := &work[n]
		if n > 0 && size+len(d.frame) > maxBatch {
			break
		}
		size += len(d.frame)
		n++
		if d.kind == noteDisconnect || d.kind == noteClose {
			break
		}
	}
	if n == 1 {
		return 1, work[0].frame
	}
	frames = make([]byte, 0, size)
	for _, d := range work[:n] {
		frames = append(frames, d.frame...)
	}
	return n, frames
}

// deliver writes one batch to every member, and ends the connections that its last delivery says.
func (s *shard) deliver(batch []delivery, frames []byte) {
	reached := 0
	if len(frames) > 0 {
		for _, c := range s.to {
			switch {
			case c.from < batch[0].number:
				if c.send(frames) {
					reached++
				}
			default:
				c.catchUp(batch)
			}
		}
		for _, d := range batch {
			s.room.m.metrics.delivered(d.kind, reached)
		}
	}
	switch last := batch[len(batch)-1]; last.kind {
	case noteDisconnect:
		for _, c := range s.to {
			if c.user == last.user && c.from < last.number {
				c.hangUp(byModerator, closeNormal, "disconnected by a moderator")
			}
		}
	case noteClose:
		for _, c := range s.to {
			c.hangUp(byRoom, closeNormal, "the room is gone")
		}
	}
}
