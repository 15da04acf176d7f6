package rtc

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pendingBytes is how much of one session waits to be sent at once; then its writer sends. A dozen
	// packets of video in one system call is most of what is to be gained.
	pendingBytes = 16 << 10
	maxFlushers  = 4
)

// pending is what waits to be sent to one client: whole sealed packets, one behind the other.
type pending struct {
	bytes []byte
	sizes []uint16
}

var pendings = sync.Pool{New: func() any {
	return &pending{bytes: make([]byte, 0, pendingBytes), sizes: make([]uint16, 0, 64)}
}}

// outbox gathers a session's outgoing packets. A packet is sealed where it is going to be sent from.
type outbox struct {
	session *session
	flusher *flusher

	mu    sync.Mutex
	p     *pending // nil when nothing waits
	to    *pending // where the packet goes that begin was called for
	pace  pacer
	dirty bool // the flusher knows
}

// begin locks the outbox and gives room for a packet of at most n bytes: a slice without length. commit
// or abort must follow. A packet of a picture, whose line is measured, may have to wait.
func (o *outbox) begin(n int, patient bool) []byte {
	o.mu.Lock()
	if patient && (o.pace.rate.Load() > 0 || len(o.pace.queue) > 0) {
		now := time.Now()
		if o.pace.bytes > paceBytes {
			o.release(now)
		}
		o.to = o.pace.put(n, now)
		at := len(o.to.bytes)
		return o.to.bytes[at:at:pendingBytes]
	}
	if o.p != nil && (len(o.p.bytes)+n > pendingBytes || len(o.p.sizes) == cap(o.p.sizes)) {
		o.flushLocked()
	}
	if o.p == nil {
		o.p = pendings.Get().(*pending)
	}
	o.to = o.p
	at := len(o.p.bytes)
	return o.p.bytes[at:at:pendingBytes]
}

// commit adds the packet that begin's slice has been filled with and unlocks.
func (o *outbox) commit(b []byte) {
	o.to.bytes = o.to.bytes[:len(o.to.bytes)+len(b)]
	o.to.sizes = append(o.to.sizes, uint16(len(b)))
	if o.to != o.p {
		o.pace.grew(len(b))
	}
	wake := !o.dirty
	o.dirty = true
	o.mu.Unlock()
	if wake {
		o.flusher.add(o)
	}
}

func (o *outbox) abort() { o.mu.Unlock() }

// wait is how long the packet waits that begin was called for.
func (o *outbox) wait() time.Duration {
	if o.to == o.p {
		return 0
	}
	return o.pace.wait()
}

// flush sends what waits, and of what is spread as much as may go now.
func (o *outbox) flush() {
	o.mu.Lock()
	o.dirty = false
	o.flushLocked()
	if len(o.pace.queue) > 0 {
		o.release(time.Now())
	}
	o.mu.Unlock()
}

// flushLocked sends with the lock held, so that packets stay in order.
func (o *outbox) flushLocked() {
	p := o.p
	if p == nil {
		return
	}
	o.p = nil
	o.send(p)
	p.bytes, p.sizes = p.bytes[:0], p.sizes[:0]
	pendings.Put(p)
}

func (o *outbox) send(p *pending) {
	if lost := o.session.port.sendAll(o.session.route.Load(), p); lost > 0 {
		o.session.srv.metrics.unsent.Add(float64(lost))
	}
}

// end sends all that waits.
func (o *outbox) end() {
	o.pace.rate.Store(0)
	o.flush()
}

// flusher sends what outboxes have gathered. It wakes at once when it is idle, and while it is busy more
// gathers: the load makes the batches.
type flusher struct {
	wake chan struct{}

	mu   sync.Mutex
	list []*outbox
	shut bool
}

func (f *flusher) add(o *outbox) {
	f.mu.Lock()
	f.list = append(f.list, o)
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *flusher) run() {
	var todo []*outbox
	for range f.wake {
		f.mu.Lock()
		todo, f.list = f.list, todo[:0]
		shut := f.shut
		f.mu.Unlock()
		for i, o := range todo {
			o.flush()
			todo[i] = nil
		}
		if shut {
			return
		}
	}
}

// batcher is a port's flushers.
type batcher struct {
	flushers []*flusher
	next     atomic.Uint32
}

func newBatcher(p *port) *batcher {
	b := &batcher{}
	for range min(runtime.GOMAXPROCS(0), maxFlushers) {
		f := &flusher{wake: make(chan struct{}, 1)}
		b.flushers = append(b.flushers, f)
		p.wg.Go(f.run)
	}
	return b
}

// join gives a session its outbox.
func (b *batcher) join(s *session) {
	s.out.session = s
	s.out.flusher = b.flushers[int(b.next.Add(1))%len(b.flushers)]
}

// close ends the flushers once they have sent what waits.
func (b *batcher) close() {
	for _, f := range b.flushers {
		f.mu.Lock()
		f.shut = true
		f.mu.Unlock()
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
}

// sendAll sends whole packets to one client and gives how many the way there did not take. Runs of
// packets of the same size, of which the last may be smaller, go in one system call where the machine
// can do that (UDP GSO).
func (p *port) sendAll(r *route, all *pending) (lost int) {
	if r == nil {
		return len(all.sizes)
	}
	b := all.bytes
	for i := 0; i < len(all.sizes); {
		size := int(all.sizes[i])
		n, total := 1, size
		if r.over == nil && p.segments != nil {
			for i+n < len(all.sizes) && int(all.sizes[i+n]) <= size {
				total += int(all.sizes[i+n])
				n++
				if int(all.sizes[i+n-1]) < size {
					break
				}
			}
		}
		switch {
		case r.over != nil:
			if r.over.send(b[:size]) != nil {
				lost++
			}
		case n > 1 && p.segments.send(b[:total], size, r.addr):
		default:
			for rest := b[:total]; len(rest) > 0; {
				one := rest[:min(size, len(rest))]
				if _, err := p.udp.WriteToUDPAddrPort(one, r.addr); err != nil {
					lost++
				}
				rest = rest[len(one):]
			}
		}
		b, i = b[total:], i+n
	}
	return lost
}

// segmenter sends many packets in one system call.
type segmenter struct {
	conn *net.UDPConn
	off  atomic.Bool // the machine cannot do it after all
}
