//go:build soak

package ingest

import (
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
)

// TestSoakOpenAndClose opens and closes thousands of connections in all the ways of the hostile table, cut
// anywhere, while one publisher goes on.
func TestSoakOpenAndClose(t *testing.T) {
	s := startServer(t, func(d *RTMPDeps) { d.Timeouts.Linger = 50 * time.Millisecond })
	s.settle(t)
	s.gate.next(t)
	healthy := dialGood(t, s, goodKey)
	h := s.gate.next(t)
	go func() {
		for range s.gate.admitted {
		}
	}()
	t.Cleanup(func() { close(s.gate.admitted) })

	var inputs [][]byte
	for _, c := range hostile() {
		inputs = append(inputs, c.in)
	}
	round := func(n int) {
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(n), uint64(w)))
				for range n / 8 {
					nc, err := net.Dial("tcp", s.addr)
					if err != nil {
						t.Error(err)
						return
					}
					if r.IntN(2) == 0 {
						nc.(*net.TCPConn).SetLinger(0) // leaves by a reset
					}
					in := inputs[r.IntN(len(inputs))]
					if len(in) > 0 {
						nc.Write(in[:r.IntN(len(in)+1)])
					}
					nc.Close()
				}
			})
		}
		wg.Wait()
	}
	ts := uint32(0)
	send := func() {
		ts += 33
		if err := healthy.WriteTag(vid(ts, videoFrame(0, idr))); err != nil {
			t.Fatal(err)
		}
	}
	publishSome(t, healthy, 1)
	round(1000)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	files, goroutines := descriptors(t), runtime.NumGoroutine()
	done := make(chan struct{})
	go func() {
		defer close(done)
		round(20_000)
	}()
	tick := time.NewTicker(33 * time.Millisecond)
	defer tick.Stop()
	sent := 0
	for running := true; running; {
		select {
		case <-tick.C:
			send()
			sent++
		case <-done:
			running = false
		}
	}
	h.frames.atLeast(t, 2+sent)
	healthy.Close()
	h.frames.all(t)
	s.settle(t)
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d frames of the healthy stream; heap %d KiB before, %d KiB after; files %d, %d; goroutines %d, %d", sent,
		before.HeapInuse>>10, after.HeapInuse>>10, files, descriptors(t), goroutines, runtime.NumGoroutine())
	if after.HeapInuse > before.HeapInuse+16<<20 {
		t.Error("memory has grown")
	}
	if n := descriptors(t); n > files {
		t.Errorf("open files: %d, before %d", n, files)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("goroutines: %d, before %d", n, goroutines)
	}
}
