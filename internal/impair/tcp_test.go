package impair

import (
	"bytes"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"
)

// echo answers every connection with what it hears.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	return ln.Addr().(*net.TCPAddr).AddrPort()
}

func dialPipe(t *testing.T, p *Pipe) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c.(*net.TCPConn)
}

func TestPipeLosesNothingAndKeepsOrder(t *testing.T) {
	c := dialPipe(t, TCP(t, echo(t), Options{Loss: 0.3, Delay: time.Millisecond, Jitter: time.Millisecond, Seed: 1}))
	sent := make([]byte, 200_000)
	for i := range sent {
		sent[i] = byte(i * 7)
	}
	go func() {
		c.Write(sent)
		c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, the same: %v, %v", len(got), len(sent), bytes.Equal(got, sent), err)
	}
}

func TestPipeHoldsWhatABlackoutCatches(t *testing.T) {
	p := TCP(t, echo(t), Options{})
	c := dialPipe(t, p)
	b := make([]byte, 1)
	turn := func(x byte) {
		t.Helper()
		if _, err := c.Write([]byte{x}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(b); err != nil || b[0] != x {
			t.Fatalf("got %q, want %q, %v", b[0], x, err)
		}
	}
	turn('a')
	p.Set(Options{Block: true})
	before := time.Now()
	time.AfterFunc(200*time.Millisecond, func() { p.Set(Options{}) })
	turn('b')
	if d := time.Since(before); d < 200*time.Millisecond {
		t.Errorf("it came through after %v", d)
	}
}

func TestLossOfSegmentsIsTime(t *testing.T) {
	o := Options{Loss: 0.05, Delay: 100 * time.Millisecond}
	random := rand.New(rand.NewPCG(1, 2))
	begin := time.Unix(1000, 0)
	last, sent := begin, 0
	for range 5000 {
		last = o.arrives(ToTarget, segment, random, begin, last)
		sent += segment
	}
	// Reno's rate at 5 % and 200 ms: about 320 kb/s.
	want := 1.22 * segment / 0.2 / math.Sqrt(0.05)
	if got := float64(sent) / last.Sub(begin).Seconds(); math.Abs(got-want) > want/10 {
		t.Errorf("%.0f bytes a second, want %.0f", got, want)
	}
	late := 0
	for range 5000 {
		at := o.arrives(ToTarget, 100, random, begin, time.Time{})
		if d := at.Sub(begin); d > 100*time.Millisecond {
			late++
			if d < 300*time.Millisecond {
				t.Fatalf("a lost segment came after %v", d)
			}
		}
	}
	if late < 150 || late > 350 {
		t.Errorf("%d of 5000 were lost, want about 250", late)
	}
}
