package room

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
)

const (
	maxQueued  = 256 << 10       // bytes that may wait for one connection before it counts as too slow
	writeAtOne = 64 << 10        // bytes that one waiting write takes from the queue
	closeGrace = 5 * time.Second // for a peer to answer a close frame; never longer than a heartbeat
)

// reason is why a connection ended, as metrics label it.
type reason string

const (
	byClient     reason = "client"     // the peer said goodbye
	byLoss       reason = "lost"       // the transport broke
	bySlowness   reason = "slow"       // its queue was full: dropped, so that the SDK reconnects
	bySilence    reason = "silent"     // no sign of life: dropped
	byShutdown   reason = "shutdown"   // this node stops: dropped, so that the SDK goes to another
	byExpiry     reason = "expired"    // its session's time was over
	byModerator  reason = "moderator"  // DISCONNECT_USER
	byRoom       reason = "room"       // the room was deleted
	byViolation  reason = "protocol"   // the peer broke the WebSocket protocol
	byBadRequest reason = "unreadable" // text that is not UTF-8
)

// conn is one client's connection. Its reader runs on a goroutine of its own; whoever has something to
// send writes it there and then, if the socket takes it, and only what it does not take is queued and
// given to a second goroutine, which ends when the queue is empty. So an idle connection costs one parked
// goroutine and no buffer.
//
// Ending is of two kinds, because Amazon's SDK treats them differently: after a close frame it stays
// away, after a drop without one it reconnects at once. hangUp sends the frame, drop does not.
type conn struct {
	room    *room
	wire    wire
	user    string
	sender  []byte // JSON of the sender member of its messages
	pass    grants
	expires int64 // Unix time in nanoseconds
	peer    netip.Addr

	heard atomic.Int64 // when the peer last sent anything; nanoseconds since the manager began

	// Of the reader alone.
	in   decoder
	rate bucket
	deaf bool // what still comes is thrown away

	// Of the sweeper alone.
	pinged int64 // value of heard when the last ping went out; -1 before

	from  uint64 // number of the last delivery before it came; set once, in join
	shard *shard // set once, in join
	slot  int    // place among shard.members; guarded by shard.mu

	mu      sync.Mutex
	state   connState
	why     reason
	queue   [][]byte // what waits to be written; the frames are shared and never changed
	queued  int      // its bytes, those being written included
	writing bool     // a goroutine is emptying the queue
	closeBy int64    // when closing: when to lose patience; nanoseconds since the manager began
}

type connState uint8

const (
	stateOpen connState = iota
	stateClosing
	stateDropped
)

// grants are the capabilities of a token. Reading needs none.
type grants struct{ send, delete, disconnect bool }

// newConn makes a connection that first of all sends the answer to the handshake. drain writes
// it; until then, what the room sends lines up behind it.
func newConn(r *room, nc net.Conn, pass auth.ChatPass, answer []byte) (*conn, error) {
	from, err := encode(sender{UserID: pass.UserID, Attributes: pass.Attributes})
	if err != nil {
		return nil, err
	}
	c := &conn{
		room:    r,
		wire:    newWire(nc),
		user:    pass.UserID,
		sender:  from,
		pass:    grants{pass.Send, pass.Delete, pass.Disconnect},
		expires: pass.SessionExpires.UnixNano(),
		in:      decoder{limit: r.m.maxFrame},
		pinged:  -1,
		why:     byLoss,
		queue:   [][]byte{answer},
		queued:  len(answer),
		writing: true,
	}
	c.heard.Store(int64(r.m.uptime()))
	return c, nil
}

// open says whether the connection is neither closing nor dropped.
func (c *conn) open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateOpen
}

// send gives the peer whole frames, now or as soon as it takes them. It never waits. It is false if the
// connection is ending.
func (c *conn) send(frames []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == stateOpen && c.put(frames)
}

// catchUp sends what of a batch is not older than the connection: it came while the batch was waiting.
func (c *conn) catchUp(batch []delivery) {
	for _, d := range batch {
		if d.frame != nil && d.number > c.from {
			c.send(d.frame)
		}
	}
}

// lead puts frames before anything else that the room will send. Until the answer to the handshake is
// written, everything lines up behind it.
func (c *conn) lead(frames [][]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range frames {
		c.queue = append(c.queue, f)
		c.queued += len(f)
	}
}

// put is send's work, with c.mu held. A closing connection's last frame is always queued.
func (c *conn) put(frames []byte) bool {
	if !c.writing {
		n, err := c.wire.try(frames)
		if err != nil {
			c.cut(byLoss)
			return false
		}
		if n == len(frames) {
			return true
		}
		frames = frames[n:]
	}
	if c.queued+len(frames) > maxQueued && c.state == stateOpen {
		c.cut(bySlowness)
		return false
	}
	c.queue = append(c.queue, frames)
	c.queued += len(frames)
	if !c.writing {
		c.writing = true
		c.room.m.work.Go(c.drain)
	}
	return true
}

// drain empties the queue and ends.
func (c *conn) drain() {
	for {
		c.mu.Lock()
		batch, size := c.takeQueued()
		if batch == nil {
			c.writing = false
			last := c.state == stateClosing
			c.mu.Unlock()
			if last {
				c.wire.finish() // unlocked, because TLS may wait here
			}
			return
		}
		c.mu.Unlock()

		err := c.wire.write(batch)

		c.mu.Lock()
		c.queued -= size
		if err != nil {
			c.cut(byLoss)
		}
		c.mu.Unlock()
	}
}

// takeQueued takes the front of the queue, with c.mu held.
func (c *conn) takeQueued() (batch net.Buffers, size int) {
	n := 0
	for n < len(c.queue) && (n == 0 || size+len(c.queue[n]) <= writeAtOne) {
		size += len(c.queue[n])
		n++
	}
	if n == 0 {
		return nil, 0
	}
	batch = net.Buffers(c.queue[:n:n])
	if c.queue = c.queue[n:]; len(c.queue) == 0 {
		c.queue = nil
	}
	return batch, size
}

// hangUp ends the connection in order: a close frame after all that was sent before, then the end of the
// stream. The reader goes on until the peer has answered.
func (c *conn) hangUp(why reason, status int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateOpen {
		return
	}
	c.why, c.state = why, stateClosing
	c.closeBy = int64(c.room.m.uptime() + min(closeGrace, c.room.m.heartbeat))
	if c.put(closeFrame(status, text)) && !c.writing {
		c.wire.finish()
	}
}

// drop ends the connection at once and without a close frame.
func (c *conn) drop(why reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut(why)
}

// cut is drop with c.mu held. The first reason stays, but a connection that has been asked to close and is
// cut for want of an answer keeps the reason it was asked for.
func (c *conn) cut(why reason) {
	if c.state == stateDropped {
		return
	}
	if c.state == stateOpen {
		c.why = why
	}
	c.state = stateDropped
	c.queue = nil
	if why == byShutdown {
		c.wire.close() // what the kernel has already may still arrive
	} else {
		c.wire.abort()
	}
}

// finished is called by the reader, last of all.
func (c *conn) finished() reason {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != stateDropped {
		c.state = stateDropped
		c.queue = nil
		c.wire.close()
	}
	return c.why
}

// tend is called by the sweeper about once a second.
func (c *conn) tend(now time.Time, uptime, heartbeat time.Duration) {
	if now.UnixNano() >= c.expires {
		c.hangUp(byExpiry, closeNormal, "session expired")
	}
	heard := c.heard.Load()
	c.mu.Lock()
	late := c.state == stateClosing && int64(uptime) > c.closeBy
	if late {
		c.cut(bySilence)
	}
	c.mu.Unlock()
	switch silent := uptime - time.Duration(heard); {
	case late:
	case silent >= 2*heartbeat:
		c.drop(bySilence)
	case silent >= heartbeat && c.pinged != heard:
		c.pinged = heard
		c.send(pingFrame)
	}
}

var pingFrame = appendFrame(nil, opPing, nil)
