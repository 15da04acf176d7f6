package rtc

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// postbox is a socket that keeps when which packet was sent.
type postbox struct {
	mu    sync.Mutex
	begun time.Time
	got   []posted
}

type posted struct {
	after time.Duration
	mark  byte
	size  int
}

func (p *postbox) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, posted{time.Since(p.begun), b[0], len(b)})
	return len(b), nil
}

func (p *postbox) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (p *postbox) Close() error { return nil }

// newPaced makes an outbox whose flusher runs, and what it sends to.
func newPaced(t *testing.T, rate int64) (*outbox, *postbox) {
	post := &postbox{begun: time.Now()}
	s := &session{srv: &Server{metrics: newMetrics(nil)}, port: &port{udp: post}}
	s.route.Store(&route{addr: netip.MustParseAddrPort("192.0.2.1:9")})
	f := &flusher{wake: make(chan struct{}, 1)}
	s.out.session, s.out.flusher = s, f
	s.out.pace.rate.Store(rate)
	go f.run()
	t.Cleanup(func() {
		f.mu.Lock()
		f.shut = true
		f.mu.Unlock()
		f.wake <- struct{}{}
	})
	return &s.out, post
}

const packetSize = 1200

// post gives the outbox packets that are marked.
func (o *outbox) post(patient bool, marks ...byte) {
	for _, mark := range marks {
		b := o.begin(packetSize, patient)
		b = append(b, mark)
		o.commit(b[:packetSize])
	}
}

// keyFrame gives the outbox a picture of 67 packets, marked from 0 on.
func (o *outbox) keyFrame() (marks []byte) {
	for i := range byte(67) {
		marks = append(marks, i)
	}
	o.post(true, marks...)
	return marks
}

func (p *postbox) marks() (list []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range p.got {
		list = append(list, one.mark)
	}
	return list
}

// TestAKeyFrameIsSpreadOverANarrowLine: in order, never much more than the line takes, and nothing longer than it may; sound
// does not wait.
func TestAKeyFrameIsSpreadOverANarrowLine(t *testing.T) {
	for name, rate := range map[string]int64{"2.5 Mbit/s": 500_000, "a crawl": 10_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, post := newPaced(t, rate)
				marks := o.keyFrame()
				o.post(false, 200) // sound
				synctest.Wait()
				if got := post.marks(); !slices.Contains(got, 200) || len(got) > 20 {
					t.Errorf("at once there were sent %v", got)
				}
				time.Sleep(paceMost + 2*paceEvery)
				synctest.Wait()
				pictures := slices.DeleteFunc(post.marks(), func(m byte) bool { return m == 200 })
				if !slices.Equal(pictures, marks) {
					t.Errorf("in time there were sent %v", pictures)
				}
				speed := max(float64(rate), 67*packetSize/paceMost.Seconds())
				sum := 0
				for _, one := range post.got {
					sum += one.size
					if most := speed*(one.after+paceDepth).Seconds() + 2*packetSize; float64(sum) > most {
						t.Fatalf("%d bytes were sent in %v, more than %.0f", sum, one.after, most)
					}
				}
			})
		})
	}
}

// TestAWideLineGetsAllAtOnce, and so does one that has become so while something waits, and a client that goes.
func TestAWideLineGetsAllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, post := newPaced(t, 0)
		marks := o.keyFrame()
		synctest.Wait()
		if got := post.marks(); !slices.Equal(got, marks) {
			t.Errorf("sent %v", got)
		}
		o.pace.rate.Store(50_000)
		o.keyFrame()
		o.pace.rate.Store(0)
		o.post(true, 100)
		synctest.Wait()
		if got := post.marks()[67:]; !slices.Equal(got, append(marks, 100)) {
			t.Errorf("sent %v when the line became wide", got)
		}
		o.pace.rate.Store(50_000)
		o.keyFrame()
		o.end()
		synctest.Wait()
		if got := post.marks()[2*67+1:]; !slices.Equal(got, marks) {
			t.Errorf("sent %v at the end", got)
		}
		if post.got[len(post.got)-1].after != 0 {
			t.Error("something waited")
		}
	})
}

// TestWhatWaitsIsBounded: more than that goes at once. A picture that comes while nothing waits does so, too, if it is small.
func TestWhatWaitsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, post := newPaced(t, 10_000)
		n := 3 * paceBytes / packetSize
		for range n {
			o.post(true, 1)
			o.mu.Lock()
			if o.pace.bytes > paceBytes+packetSize {
				t.Fatalf("%d bytes wait", o.pace.bytes)
			}
			o.mu.Unlock()
		}
		time.Sleep(paceMost + 2*paceEvery)
		synctest.Wait()
		if got := post.marks(); len(got) != n {
			t.Errorf("%d of %d were sent in time", len(got), n)
		}
		time.Sleep(time.Second)
		o.pace.rate.Store(500_000)
		o.post(true, 2, 3, 4)
		synctest.Wait()
		if got := post.got[n:]; len(got) != 3 || got[2].after != got[0].after {
			t.Errorf("a small picture was sent as %v", got)
		}
	})
}

// TestAPacketKnowsHowLongItWaits, so that the line's own queue can be told from that.
func TestAPacketKnowsHowLongItWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, post := newPaced(t, 500_000)
		var waits []time.Duration
		for i := range byte(67) {
			b := append(o.begin(packetSize, true), i)
			waits = append(waits, o.wait())
			o.commit(b[:packetSize])
		}
		time.Sleep(paceMost)
		synctest.Wait()
		if len(post.got) != 67 {
			t.Fatalf("%d were sent", len(post.got))
		}
		for i, one := range post.got {
			if off := one.after - waits[i]; off < -2*paceEvery || off > 2*paceEvery {
				t.Errorf("packet %d was sent after %v, and told %v", i, one.after, waits[i])
			}
		}
	})
}

func TestNothingIsAllocatedPerPacedPacket(t *testing.T) {
	s := &session{srv: &Server{metrics: newMetrics(nil)}, port: &port{udp: deadEnd{}}}
	s.route.Store(&route{addr: netip.MustParseAddrPort("192.0.2.1:9")})
	o := &s.out
	o.session, o.flusher, o.dirty = s, &flusher{}, true
	o.pace.rate.Store(1_000_000)
	next := func() {
		o.mu.Lock()
		o.dirty = true // nobody is woken
		o.mu.Unlock()
		b := o.begin(packetSize, true)
		o.commit(b[:packetSize])
		o.flush()
	}
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(2000, next); n >= 1 {
		t.Errorf("%v allocations per packet", n)
	}
}

type deadEnd struct{}

func (deadEnd) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return len(b), nil }
func (deadEnd) ReadFromUDPAddrPort([]byte) (int, netip.AddrPort, error) {
	return 0, netip.AddrPort{}, net.ErrClosed
}
func (deadEnd) Close() error { return nil }
