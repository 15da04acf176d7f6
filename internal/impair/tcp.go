package impair

import (
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

const (
	segment     = 1460                   // bytes of one segment, as on Ethernet
	maxFlight   = 256                    // segments on their way in one direction; more wait at the sender, as before a full window
	shortestRTO = 200 * time.Millisecond // Linux's least retransmission timeout
)

// Pipe passes TCP connections between clients and one target as a bad network would. TCP hides what is
// lost, so loss shows as time: a lost segment, and all behind it, come a round trip later, when
// duplicate acknowledgements have it sent again; one that is lost again waits for the retransmission timeout,
// which doubles. Loss also holds the rate to what Reno reaches (Mathis et al., "The Macroscopic Behavior of the
// TCP Congestion Avoidance Algorithm", 1997): 1.22 segments a round trip, over the root of the loss. Block
// holds everything, ends of connections included, and begins no new ones. Jitter never reorders, and Reorder has no
// meaning.
type Pipe struct {
	ln     net.Listener
	target netip.AddrPort
	wg     sync.WaitGroup
	closed chan struct{}

	mu      sync.Mutex
	opts    Options
	changed chan struct{} // closed when opts are no longer those
	nth     uint64        // directions so far
	conns   map[net.Conn]struct{}
}

// TCP starts a pipe to a target on a port of the loopback. It is closed with the test.
func TCP(tb testing.TB, target netip.AddrPort, o Options) *Pipe {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Pipe{ln: ln, target: target, closed: make(chan struct{}), opts: o, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.wg.Go(p.accept)
	tb.Cleanup(p.Close)
	return p
}

// Addr is where clients connect to.
func (p *Pipe) Addr() netip.AddrPort { return p.ln.Addr().(*net.TCPAddr).AddrPort() }

// Set changes the treatment of all that comes from now on; what Block held goes on when it is gone.
func (p *Pipe) Set(o Options) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o.Seed = p.opts.Seed
	p.opts = o
	close(p.changed)
	p.changed = make(chan struct{})
}

// Close ends all connections.
func (p *Pipe) Close() {
	p.mu.Lock()
	select {
	case <-p.closed:
		p.mu.Unlock()
		return
	default:
	}
	close(p.closed)
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.ln.Close()
	p.wg.Wait()
}

func (p *Pipe) accept() {
	for {
		front, err := p.ln.Accept()
		if err != nil {
			return
		}
		if p.keep(front) {
			p.wg.Go(func() { p.serve(front) })
		}
	}
}

// keep notes a connection that Close has to end.
func (p *Pipe) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		c.Close()
		return false
	default:
		p.conns[c] = struct{}{}
		return true
	}
}

func (p *Pipe) drop(c net.Conn) {
	c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Pipe) serve(front net.Conn) {
	defer p.drop(front)
	if !p.open() {
		return
	}
	back, err := net.DialTimeout("tcp", p.target.String(), 5*time.Second)
	if err != nil || !p.keep(back) {
		return
	}
	defer p.drop(back)
	var both sync.WaitGroup
	both.Go(func() { p.pass(ToTarget, front, back) })
	both.Go(func() { p.pass(ToClient, back, front) })
	both.Wait()
}

// open waits while everything is blocked; not ok when the pipe is closed.
func (p *Pipe) open() bool {
	for {
		p.mu.Lock()
		blocked, changed := p.opts.Block, p.changed
		p.mu.Unlock()
		if !blocked {
			return true
		}
		select {
		case <-changed:
		case <-p.closed:
			return false
		}
	}
}

// flight is a segment on its way; without bytes it is the end of the connection.
type flight struct {
	due time.Time
	b   []byte
}

func (p *Pipe) pass(way Way, from, to net.Conn) {
	p.mu.Lock()
	random := rand.New(rand.NewPCG(p.opts.Seed, p.nth))
	p.nth++
	p.mu.Unlock()
	line := make(chan flight, maxFlight)
	var sending sync.WaitGroup
	sending.Go(func() { p.deliver(line, to) })
	var last time.Time
	for {
		b := make([]byte, segment)
		n, err := from.Read(b)
		p.mu.Lock()
		o := p.opts
		p.mu.Unlock()
		last = o.arrives(way, n, random, time.Now(), last)
		if n > 0 {
			line <- flight{last, b[:n]}
		}
		if err != nil {
			line <- flight{due: last}
			break
		}
	}
	close(line)
	sending.Wait()
}

// arrives says when a segment of n bytes that is sent now reaches its end, if the one before does at last.
func (o *Options) arrives(way Way, n int, random *rand.Rand, now, last time.Time) time.Time {
	draw, more := random.Float64(), random.Float64()
	if !o.on(way) {
		return later(now, last)
	}
	trip := 2 * o.Delay
	due := now.Add(o.Delay + time.Duration(more*float64(o.Jitter)))
	wait := trip
	for lost := draw < o.Loss; lost; lost = random.Float64() < o.Loss {
		due = due.Add(wait)
		wait = max(2*wait, shortestRTO+trip)
	}
	if o.Loss > 0 && trip > 0 {
		rate := 1.22 * segment / trip.Seconds() / math.Sqrt(o.Loss) // bytes a second
		last = last.Add(time.Duration(float64(n) / rate * float64(time.Second)))
	}
	return later(due, last)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// deliver writes segments when they are due. After an error it takes the rest without writing it.
func (p *Pipe) deliver(line <-chan flight, to net.Conn) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	dead := false
	for f := range line {
		if !dead {
			timer.Reset(time.Until(f.due))
			select {
			case <-timer.C:
			case <-p.closed:
				dead = true
				continue
			}
			dead = !p.open()
		}
		switch {
		case dead:
		case f.b == nil:
			if half, ok := to.(interface{ CloseWrite() error }); ok {
				half.CloseWrite()
			}
		default:
			_, err := to.Write(f.b)
			dead = err != nil
		}
	}
	if dead {
		to.Close() // so that whoever reads from it ends, too
	}
}
