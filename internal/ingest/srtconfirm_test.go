package ingest

import (
	"net"
	"sync"
	"testing"
	"time"

	srt "github.com/datarhei/gosrt"
)

func TestConfirmationsAreToldByTheRoundTripTime(t *testing.T) {
	for name, c := range map[string]struct {
		rtt  func(second int) float64 // ms
		acks func(second int) uint64
		want time.Duration // after a minute
	}{
		"none":                                  {func(int) float64 { return 100 }, func(int) uint64 { return 0 }, time.Minute},
		"each":                                  {func(s int) float64 { return 20 + float64(s%3) }, func(int) uint64 { return 0 }, 22 * time.Millisecond},
		"none from 20 s on":                     {func(s int) float64 { return float64(min(s, 20)) }, func(int) uint64 { return 0 }, 40 * time.Second},
		"none, but acknowledgements of nothing": {func(s int) float64 { return float64(s) }, func(s int) uint64 { return uint64(s) }, time.Minute},
		"what is old":                           {func(s int) float64 { return float64(900 * s) }, func(int) uint64 { return 0 }, 54 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			var confirmed confirmations
			var got time.Duration
			for s := range 61 {
				var stats srt.Statistics
				stats.Instantaneous.MsRTT, stats.Accumulated.PktRecvACK = c.rtt(s), c.acks(s)
				got = confirmed.missing(&stats, begun.Add(time.Duration(s)*time.Second))
			}
			if (got - c.want).Abs() > 10*time.Millisecond {
				t.Errorf("missing for %v, want %v", got, c.want)
			}
		})
	}
}

// A caller that keeps its confirmations to itself has the server remember a hundred acknowledgements a second.
func TestCallerWhoConfirmsNothingIsCut(t *testing.T) {
	s := startSRT(t, func(d *SRTDeps) { d.Timeouts.Idle, d.Timeouts.Confirm = time.Minute, time.Second })
	cmd := ffmpeg(t, "60", append(h264TS, srtURL(withoutConfirmations(t, s.addr), goodKey))...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	a := s.gate.next(t)
	if _, err := a.frames.all(t); err == nil || s.metric(t, "streamcat_ingest_refusals_total", "unconfirmed") != 1 {
		t.Errorf("the end: %v; log:\n%s", err, s.log)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("ffmpeg went on to its end")
	}
}

// withoutConfirmations is a network between one caller and the server that swallows ACKACK packets.
func withoutConfirmations(t *testing.T, to string) string {
	t.Helper()
	front, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	back, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	caller := make(chan net.Addr, 1)
	var passing sync.WaitGroup
	passing.Go(func() {
		b, known := make([]byte, 1500), false
		for {
			n, from, err := front.ReadFrom(b)
			if err != nil {
				close(caller)
				return
			}
			if !known {
				caller <- from
				known = true
			}
			const control, confirmation = 0x80, 6
			if n > 1 && b[0] == control && b[1] == confirmation {
				continue
			}
			_, _ = back.Write(b[:n])
		}
	})
	passing.Go(func() {
		to, ok := <-caller
		for b := make([]byte, 1500); ok; {
			n, err := back.Read(b)
			if err != nil {
				return
			}
			_, _ = front.WriteTo(b[:n], to)
		}
	})
	t.Cleanup(func() {
		front.Close()
		back.Close()
		passing.Wait()
	})
	return front.LocalAddr().String()
}
