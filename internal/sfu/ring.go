package sfu

import (
	"sync/atomic"
	"time"
)

const (
	videoSlots = 1024 // 3.8 s of 2.6 Mbit/s in packets of 1,200 bytes
	audioSlots = 256  // 5 s of 20 ms

	bufferStep = 256 // bytes; buffers grow in these
)

// packet is one packet of the ring. All but users is written by the Up's goroutine while users is
// writing, and read by others while they are counted in users.
type packet struct {
	users atomic.Int32 // readers, or writing

	num     int64  // see numbering
	order   uint64 // the count of packets when this one came
	epoch   uint32
	ts      uint32
	marker  bool
	key     bool  // a key frame begins here
	level   int16 // of the sound; see view
	arrived time.Time
	nano    int64 // arrived, in Unix nanoseconds
	payload []byte
}

const writing = -1

// release ends what ring.acquire began.
func (p *packet) release() { p.users.Add(-1) }

// ring keeps the latest packets by their number. One goroutine puts, any may acquire, nobody waits.
type ring struct {
	slots []atomic.Pointer[packet]
}

func newRing(k Kind) ring {
	n := videoSlots
	if k == Audio {
		n = audioSlots
	}
	return ring{slots: make([]atomic.Pointer[packet], n)}
}

func (r *ring) slot(num int64) *atomic.Pointer[packet] {
	return &r.slots[uint64(num)%uint64(len(r.slots))]
}

// put copies p's payload into the ring. It gives nil for what is there already and for what is older
// than the ring.
func (r *ring) put(p *packet) *packet {
	s := r.slot(p.num)
	old := s.Load()
	if old != nil && old.num >= p.num {
		return nil
	}
	if old == nil || !old.users.CompareAndSwap(0, writing) {
		// First lap, or a reader is sending it at this moment and keeps it.
		old = &packet{}
		old.users.Store(writing)
	}
	buf := old.payload[:0]
	if cap(buf) < len(p.payload) {
		buf = make([]byte, 0, (len(p.payload)+bufferStep-1)/bufferStep*bufferStep)
	}
	old.num, old.order, old.epoch, old.ts = p.num, p.order, p.epoch, p.ts
	old.marker, old.key, old.level, old.arrived, old.nano = p.marker, p.key, p.level, p.arrived, p.nano
	old.payload = append(buf, p.payload...)
	old.users.Store(0)
	s.Store(old)
	return old
}

// acquire gives the packet of a number for reading, until it is released; nil if it is not there.
func (r *ring) acquire(num int64) *packet {
	p := r.slot(num).Load()
	if p == nil {
		return nil
	}
	for {
		n := p.users.Load()
		if n == writing { // makes room for a newer one
			return nil
		}
		if p.users.CompareAndSwap(n, n+1) {
			break
		}
	}
	if p.num != num {
		p.release()
		return nil
	}
	return p
}
