package sfu

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// checker is a Writer that checks what it is given on the way: one goroutine at a time, and no number
// twice with anything different. That would be worse than untidy: two different packets of one number are
// sealed with one nonce, which breaks AES-GCM (RFC 7714 §11).
type checker struct {
	t     *testing.T
	busy  sync.Mutex
	seen  map[uint16]out
	first string
}

func (c *checker) WriteRTP(h *rtp.Header, payload []byte) error {
	if !c.busy.TryLock() {
		c.t.Error("two writers at once")
		return nil
	}
	defer c.busy.Unlock()
	if c.first == "" {
		c.first = string(payload[:1])
	}
	o := out{h.SequenceNumber, h.Timestamp, h.Marker, string(payload), 0}
	if old, ok := c.seen[o.seq]; ok && old != o {
		c.t.Errorf("number %d was %+v and is %+v", o.seq, old, o)
	}
	c.seen[o.seq] = o
	return nil
}

func (c *checker) WriteSenderReport(uint64, uint32, uint32, uint32) error {
	if !c.busy.TryLock() {
		c.t.Error("two writers at once")
		return nil
	}
	c.busy.Unlock()
	return nil
}

// TestAllAtOnce lets two publishers write while subscribers come, switch, ask and go.
func TestAllAtOnce(t *testing.T) {
	ups := []*Up{
		NewUp(UpOptions{Kind: Video, KeyFrame: func() {}}),
		NewUp(UpOptions{Kind: Video, KeyFrame: func() {}}),
	}
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for i, u := range ups {
		writers.Go(func() {
			for seq, ts := uint16(65_000), uint32(0); ; seq++ {
				select {
				case <-stop:
					return
				default:
				}
				payload := slice
				if seq%100 == 0 {
					payload = sps
				}
				if seq%3 == 0 {
					ts += 3000
				}
				payload += string(rune('0'+i)) + string([]byte{byte(seq >> 8), byte(seq)})
				u.Write(wire(seq, ts, false, payload), time.Now())
				if seq%500 == 0 {
					u.SenderReport(uint64(seq)<<32, ts, time.Now())
				}
			}
		})
	}
	for i := range 8 {
		readers.Go(func() {
			for round := range 20 {
				c := &checker{t: t, seen: map[uint16]out{}}
				d := NewDown(DownOptions{Kind: Video}, c)
				for j := range 4 {
					d.Attach(ups[(i+j)%2])
					d.Nack([]uint16{1, 2, 3, uint16(round)})
					d.KeyFrame()
					for d.Stats().Packets < uint64(50*(j+1)) {
						d.mu.Lock()
						newest := uint16(d.highest)
						d.mu.Unlock()
						d.Nack([]uint16{newest, newest - 10, newest - 60})
						runtime.Gosched()
					}
				}
				d.Close()
				n := len(c.seen)
				if d.Attach(ups[0]); len(c.seen) != n {
					t.Error("written after the end")
				}
				if c.first != sps {
					t.Errorf("began with %q", c.first)
				}
			}
		})
	}
	readers.Wait()
	ups[0].Close()
	close(stop)
	writers.Wait()
	for _, u := range ups {
		if n := u.Stats().Downs; n != 0 {
			t.Errorf("%d Downs are left", n)
		}
	}
}

// TestAReplayBesideTheUp lets subscribers join a stream at full speed: each has the numbers since the key
// frame without a hole and without a double.
func TestAReplayBesideTheUp(t *testing.T) {
	u := NewUp(UpOptions{Kind: Video})
	seq := uint16(0)
	write := func(kind string, n int) {
		for range n {
			u.Write(wire(seq, uint32(seq)*100, false, kind+string([]byte{byte(seq >> 8), byte(seq)})), time.Now())
			seq++
		}
	}
	replays := 0
	for range 200 {
		first := seq
		write(sps, 1)
		write(slice, 100)
		var beside sync.WaitGroup
		beside.Go(func() { write(slice, 600) }) // so much that the ring holds it all
		s := &slip{}
		d := NewDown(DownOptions{Kind: Video}, s)
		d.Attach(u)
		beside.Wait()
		d.Close()
		if d.Stats().Replayed == 0 { // came after the last moment for it
			continue
		}
		replays++
		p := s.take()
		seen := map[uint16]bool{}
		for _, o := range p {
			number := uint16(o.payload[1])<<8 | uint16(o.payload[2])
			if seen[number] || o.seq-p[0].seq != number-first {
				t.Fatalf("packet %d as %d, the first was %d as %d; twice: %v", number, o.seq, first, p[0].seq, seen[number])
			}
			seen[number] = true
		}
		if len(p) != 701 {
			t.Fatalf("%d packets, want 701", len(p))
		}
	}
	if replays == 0 {
		t.Error("nobody came in time")
	}
}
