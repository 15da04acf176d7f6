package sfu

import (
	"fmt"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// hole is a Writer that does nothing.
type hole struct{}

func (hole) WriteRTP(*rtp.Header, []byte) error                     { return nil }
func (hole) WriteSenderReport(uint64, uint32, uint32, uint32) error { return nil }

// warm makes an Up with n Downs in full flow, and a function that writes the next packet of 1,200 bytes.
func warm(n int) (*Up, []*Down, func()) {
	u := NewUp(UpOptions{Kind: Video})
	downs := make([]*Down, n)
	for i := range downs {
		downs[i] = NewDown(DownOptions{Kind: Video}, hole{})
		downs[i].Attach(u)
	}
	body := make([]byte, 1188)
	body[0] = sps[0]
	b := wire(0, 0, false, string(body))
	now := time.Now()
	seq := uint16(0)
	next := func() {
		b[2], b[3] = byte(seq>>8), byte(seq)
		now = now.Add(3700 * time.Microsecond)
		u.Write(b, now)
		b[12] = slice[0]
		seq++
	}
	for range 2 * videoSlots {
		next()
	}
	return u, downs, next
}

func TestNothingIsAllocatedPerPacket(t *testing.T) {
	_, downs, next := warm(10)
	if n := testing.AllocsPerRun(3000, next); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	seqs := make([]uint16, 1)
	downs[0].Nack(seqs)
	at := time.Now()
	downs[0].opts.Now = func() time.Time { at = at.Add(50 * time.Millisecond); return at }
	again := func() {
		for range repairCost {
			next()
		}
		seqs[0] = uint16(downs[0].highest - 5)
		downs[0].Nack(seqs)
	}
	if n := testing.AllocsPerRun(1000, again); n != 0 {
		t.Errorf("%v allocations per retransmission", n)
	}
	if s := downs[0].Stats(); s.Retransmitted < 1000 {
		t.Errorf("stats %+v", s)
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{1, 50, 100} {
		b.Run(fmt.Sprintf("%d-downs", n), func(b *testing.B) {
			_, _, next := warm(n)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				next()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/forwarded")
		})
	}
}

// BenchmarkForwardLayers is the same with three encodings, of which the Downs get one: all three are counted as
// one packet.
func BenchmarkForwardLayers(b *testing.B) {
	for _, n := range []int{1, 50, 100} {
		b.Run(fmt.Sprintf("%d-downs", n), func(b *testing.B) {
			_, next := warmLayers(n, &room{})
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				next()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/forwarded")
		})
	}
}

func BenchmarkNack(b *testing.B) {
	_, downs, _ := warm(1)
	d := downs[0]
	seqs := make([]uint16, 8)
	d.repair = &repair{}
	b.ReportAllocs()
	b.ResetTimer()
	for n := range b.N {
		for i := range seqs {
			seqs[i] = uint16(d.highest - int64((n*8+i)%900)) // over so many that each is new again
		}
		d.repair.budget = 8 * repairCost
		d.Nack(seqs)
	}
	if s := d.Stats(); s.Retransmitted < uint64(8*b.N) {
		b.Errorf("%d retransmissions, want %d", s.Retransmitted, 8*b.N)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(seqs)), "ns/packet")
}

func BenchmarkJoin(b *testing.B) {
	u, _, _ := warm(100)
	b.ReportAllocs()
	for range b.N {
		d := NewDown(DownOptions{Kind: Video}, hole{})
		d.Attach(u)
		d.Close()
	}
}
