// Package impair has relays that treat packets as bad networks do: they lose, delay and reorder
// them, by a seed, or let nothing through at all; for TCP, what that does to its bytes. It is for tests.
package impair

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	maxClients = 256              // more are not served
	maxHeld    = 8192             // packets on their way in all; more are lost
	maxIdle    = 60 * time.Second // a client that nothing came for or from is forgotten
	overtaken  = 20 * time.Millisecond
	maxPacket  = 2048
)

// Way is a direction.
type Way uint8

const (
	ToTarget Way = iota
	ToClient
)

// Options is how packets are treated. The zero Options passes all of them at once.
type Options struct {
	Loss    float64       // share of packets that are lost, 0 to 1
	Delay   time.Duration // each packet's
	Jitter  time.Duration // up to so much more, evenly spread, in order
	Reorder float64       // share of packets that are held back another 20 ms while others overtake them, 0 to 1
	Block   bool          // lose everything, as networks do that let no UDP through
	Rate    int           // bit/s that each client's direction carries, IP and UDP included; 0: no bound
	Queue   time.Duration // how long packets may wait for that; those that would wait longer are lost. Default 200 ms
	Only    []Way         // leave the other direction alone; none: both are impaired

	// Seed makes the fate of each client's nth packet in each direction the same in each run. Set does
	// not change it.
	Seed uint64
}

func (o *Options) on(w Way) bool {
	for _, one := range o.Only {
		if one == w {
			return true
		}
	}
	return len(o.Only) == 0
}

// Stats counts packets of both directions.
type Stats struct {
	Received  uint64
	Forwarded uint64
	Lost      uint64 // on purpose, or with no place in the queue
	Reordered uint64 // held back
	Refused   uint64 // because too much was on its way, or there were too many clients
}

// Relay passes packets between clients and one target, which sees each client under an address of its
// own.
type Relay struct {
	front  *net.UDPConn
	target netip.AddrPort
	opts   atomic.Pointer[Options]
	seed   uint64
	line   line
	wg     sync.WaitGroup
	count  struct{ received, forwarded, lost, reordered, refused atomic.Uint64 }

	mu      sync.Mutex
	closed  bool
	nth     uint64 // clients so far
	clients map[netip.AddrPort]*client
}

// client is one client's socket towards the target, and what decides on its packets.
type client struct {
	addr  netip.AddrPort
	back  *net.UDPConn
	heard atomic.Int64
	fates [2]fate
}

// fate decides on the packets of one direction of one client. One goroutine uses it.
type fate struct {
	rand *rand.Rand
	last time.Time // when the newest packet that keeps order goes on
	free time.Time // when the bottleneck has sent all that waits
}

// UDP starts a relay to a target on a port of the loopback of the target's kind. It is closed with the
// test.
func UDP(tb testing.TB, target netip.AddrPort, o Options) *Relay {
	tb.Helper()
	r, err := listen(target, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(r.Close)
	return r
}

func listen(target netip.AddrPort, o Options) (*Relay, error) {
	loopback := net.IPv4(127, 0, 0, 1)
	if target.Addr().Is6() && !target.Addr().Is4In6() {
		loopback = net.IPv6loopback
	}
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback})
	if err != nil {
		return nil, err
	}
	widen(front)
	r := &Relay{front: front, target: target, seed: o.Seed, clients: map[netip.AddrPort]*client{}}
	r.opts.Store(&o)
	r.line.init()
	r.wg.Go(r.line.run)
	r.wg.Go(r.readFront)
	return r, nil
}

// widen asks for buffers that a burst fits in: what is lost should be lost on purpose.
func widen(c *net.UDPConn) {
	_ = c.SetReadBuffer(1 << 20)
	_ = c.SetWriteBuffer(1 << 20)
}

// Addr is where clients send to.
func (r *Relay) Addr() netip.AddrPort { return r.front.LocalAddr().(*net.UDPAddr).AddrPort() }

// Set changes the treatment of all packets that come from now on.
func (r *Relay) Set(o Options) { r.opts.Store(&o) }

// Stats gives the counts so far.
func (r *Relay) Stats() Stats {
	return Stats{
		Received:  r.count.received.Load(),
		Forwarded: r.count.forwarded.Load(),
		Lost:      r.count.lost.Load(),
		Reordered: r.count.reordered.Load(),
		Refused:   r.count.refused.Load(),
	}
}

// Rebind gives every client another address towards the target, as a NAT does that has forgotten it. What comes to the former
// one is lost.
func (r *Relay) Rebind() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for addr, c := range r.clients {
		delete(r.clients, addr)
		c.back.Close()
	}
}

// Close ends the relay. What is on its way is lost.
func (r *Relay) Close() {
	r.mu.Lock()
	r.closed = true
	for _, c := range r.clients {
		c.back.Close()
	}
	r.mu.Unlock()
	r.front.Close()
	r.line.close()
	r.wg.Wait()
}

func (r *Relay) readFront() {
	b := make([]byte, maxPacket)
	for {
		n, from, err := r.front.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // what the network says of an earlier packet
			continue
		}
		r.count.received.Add(1)
		c := r.client(from)
		if c == nil {
			r.count.refused.Add(1)
			continue
		}
		r.treat(c, ToTarget, b[:n])
	}
}

// client finds a client or takes in a new one; nil if there is no room.
func (r *Relay) client(addr netip.AddrPort) *client {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.clients[addr]; c != nil {
		c.heard.Store(time.Now().UnixNano())
		return c
	}
	if r.closed || len(r.clients) == maxClients {
		return nil
	}
	back, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.target))
	if err != nil {
		return nil
	}
	widen(back)
	c := &client{addr: addr, back: back}
	for way := range c.fates {
		c.fates[way].rand = rand.New(rand.NewPCG(r.seed, 2*r.nth+uint64(way)))
	}
	r.nth++
	c.heard.Store(time.Now().UnixNano())
	r.clients[addr] = c
	r.wg.Go(func() { r.readBack(c) })
	return c
}

func (r *Relay) readBack(c *client) {
	defer func() {
		r.mu.Lock()
		if r.clients[c.addr] == c {
			delete(r.clients, c.addr)
		}
		r.mu.Unlock()
		c.back.Close()
	}()
	b := make([]byte, maxPacket)
	for {
		_ = c.back.SetReadDeadline(time.Now().Add(maxIdle))
		n, err := c.back.Read(b)
		var late net.Error
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.As(err, &late) && late.Timeout():
			if time.Since(time.Unix(0, c.heard.Load())) >= maxIdle {
				return
			}
			continue
		case err != nil: // nobody is there; somebody may be later
			continue
		}
		r.count.received.Add(1)
		r.treat(c, ToClient, b[:n])
	}
}

// treat loses a packet, sends it on, or puts it in line.
func (r *Relay) treat(c *client, way Way, b []byte) {
	o := r.opts.Load()
	f := &c.fates[way]
	lost, late, more := f.rand.Float64() < o.Loss, f.rand.Float64() < o.Reorder, f.rand.Float64() // as many draws for each packet
	if !o.on(way) {
		r.forward(c, way, b)
		return
	}
	if lost || o.Block {
		r.count.lost.Add(1)
		return
	}
	now := time.Now()
	passed, ok := f.pass(now, len(b), o)
	if !ok {
		r.count.lost.Add(1)
		return
	}
	due := passed.Add(o.Delay + time.Duration(more*float64(o.Jitter)))
	if late {
		r.count.reordered.Add(1)
		due = due.Add(overtaken)
	} else {
		if due.Before(f.last) {
			due = f.last
		}
		f.last = due
	}
	if !due.After(now) {
		r.forward(c, way, b)
		return
	}
	if !r.line.put(&held{due: due, relay: r, c: c, way: way, b: append([]byte(nil), b...)}) {
		r.count.refused.Add(1)
	}
}

// headers is what IP and UDP add to a packet, in bytes.
const headers = 28

// pass gives when the last bit of a packet is through the bottleneck. Not ok: the queue is full.
func (f *fate) pass(now time.Time, size int, o *Options) (time.Time, bool) {
	if o.Rate <= 0 {
		f.free = time.Time{}
		return now, true
	}
	if f.free.Before(now) {
		f.free = now
	}
	if f.free.Sub(now) > cmp.Or(o.Queue, 200*time.Millisecond) {
		return now, false
	}
	f.free = f.free.Add(time.Duration(8*(size+headers)) * time.Second / time.Duration(o.Rate))
	return f.free, true
}

// forward sends a packet. One that cannot be sent is lost, as it would be without a relay.
func (r *Relay) forward(c *client, way Way, b []byte) {
	r.count.forwarded.Add(1)
	if way == ToTarget {
		_, _ = c.back.Write(b)
		return
	}
	_, _ = r.front.WriteToUDPAddrPort(b, c.addr)
}
