package rtc

import (
	"net"
	"sync"
	"testing"
	"time"
)

// TestBatchesKeepPacketsWhole sends packets of many sizes at once: each comes as it was, in order, whether
// the machine cuts them or we do.
func TestBatchesKeepPacketsWhole(t *testing.T) {
	for name, whole := range map[string]bool{"cut by the kernel": true, "one by one": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			if whole && w.port.segments == nil {
				t.Log("this kernel has no UDP GSO")
			}
			if !whole {
				w.port.segments = nil
			}
			to, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Fatal(err)
			}
			defer to.Close()
			s := &session{srv: w.Server, port: w.port}
			w.port.batch.join(s)
			s.route.Store(&route{addr: to.LocalAddr().(*net.UDPAddr).AddrPort()})
			sizes := []int{100, 100, 100, 50, 200, 200, 10, 10, 10, 300, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 1200, 700, 1200, 80, 80, 81}
			var sent sync.WaitGroup
			sent.Go(func() {
				for i, n := range sizes {
					b := s.out.begin(n, false)
					for range n {
						b = append(b, byte(i))
					}
					s.out.commit(b)
				}
				s.out.flush()
			})
			to.SetReadDeadline(time.Now().Add(10 * time.Second))
			b := make([]byte, maxPacket)
			for i, want := range sizes {
				n, err := to.Read(b)
				if err != nil {
					t.Fatal(err)
				}
				if n != want || b[0] != byte(i) || b[n-1] != byte(i) {
					t.Fatalf("packet %d: got %d bytes of %d…%d, want %d", i, n, b[0], b[n-1], want)
				}
			}
			sent.Wait()
		})
	}
}

func TestUnreachableClientCostsItsPackets(t *testing.T) {
	w := newWorld(t, nil)
	s := &session{srv: w.Server, port: w.port}
	w.port.batch.join(s)
	s.out.commit(append(s.out.begin(3, false), 1, 2, 3)) // no route yet
	s.out.flush()
	all, err := w.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == "streamcat_rtc_packets_unsent_total" && f.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Error("nobody counted the packet")
}
