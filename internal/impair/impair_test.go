package impair

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a socket with a deadline on everything.
type peer struct {
	t *testing.T
	*net.UDPConn
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	widen(c)
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &peer{t, c}
}

func (p *peer) addr() netip.AddrPort { return p.LocalAddr().(*net.UDPAddr).AddrPort() }

func (p *peer) send(to netip.AddrPort, n uint32) {
	p.t.Helper()
	if _, err := p.WriteToUDPAddrPort(binary.BigEndian.AppendUint32(nil, n), to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) receive() (n uint32, from netip.AddrPort) {
	p.t.Helper()
	b := make([]byte, 100)
	size, from, err := p.ReadFromUDPAddrPort(b)
	if err != nil || size != 4 {
		p.t.Fatalf("%d bytes, %v", size, err)
	}
	return binary.BigEndian.Uint32(b), from
}

// through sends packets 0 to n-1 and gives those that come out, in their order.
func through(t *testing.T, r *Relay, target *peer, n int) (got []uint32) {
	t.Helper()
	c := newPeer(t)
	before := r.Stats()
	for i := range n {
		c.send(r.Addr(), uint32(i))
		for r.Stats().Received-before.Received <= uint64(i) { // no bursts: sockets lose packets, too
			time.Sleep(10 * time.Microsecond)
		}
	}
	for range uint64(n) - (r.Stats().Lost - before.Lost) {
		one, _ := target.receive()
		got = append(got, one)
	}
	return got
}

func TestBothWaysAndEachClientForItself(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{})
	a, b := newPeer(t), newPeer(t)
	a.send(r.Addr(), 1)
	_, fromA := server.receive()
	b.send(r.Addr(), 2)
	_, fromB := server.receive()
	if fromA == fromB {
		t.Fatal("two clients under one address")
	}
	server.send(fromB, 20)
	server.send(fromA, 10)
	for p, want := range map[*peer]uint32{a: 10, b: 20} {
		if n, from := p.receive(); n != want || from != r.Addr() {
			t.Errorf("got %d from %v, want %d", n, from, want)
		}
	}
	if s := r.Stats(); s != (Stats{Received: 4, Forwarded: 4}) {
		t.Errorf("stats %+v", s)
	}
}

func TestRebindGivesAnotherAddress(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{})
	c := newPeer(t)
	c.send(r.Addr(), 1)
	_, before := server.receive()
	r.Rebind()
	// Held, so that the system cannot give it out again.
	held, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(before))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	c.send(r.Addr(), 2)
	n, after := server.receive()
	if n != 2 || after == before {
		t.Errorf("got %d from %v, which is the former address", n, after)
	}
	server.send(after, 3)
	if n, _ := c.receive(); n != 3 {
		t.Errorf("got %d", n)
	}
}

func TestLossIsBySeed(t *testing.T) {
	const n = 2000
	run := func(seed uint64) []uint32 {
		server := newPeer(t)
		return through(t, UDP(t, server.addr(), Options{Loss: 0.1, Seed: seed}), server, n)
	}
	one := run(7)
	if lost := n - len(one); lost < n*7/100 || lost > n*13/100 {
		t.Errorf("%d of %d lost, want about a tenth", lost, n)
	}
	if !slices.Equal(one, run(7)) {
		t.Error("the same seed loses other packets")
	}
	if slices.Equal(one, run(8)) {
		t.Error("another seed loses the same packets")
	}
}

func TestDelayAndJitterKeepOrder(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{Delay: 30 * time.Millisecond, Jitter: 20 * time.Millisecond, Seed: 1})
	c := newPeer(t)
	began := time.Now()
	for i := range 50 {
		c.send(r.Addr(), uint32(i))
	}
	for i := range 50 {
		if n, _ := server.receive(); n != uint32(i) {
			t.Fatalf("packet %d came as number %d", n, i)
		}
		if d := time.Since(began); i == 0 && d < 30*time.Millisecond {
			t.Errorf("came after %v", d)
		}
	}
}

func TestReorder(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{Reorder: 0.2, Seed: 3})
	got := through(t, r, server, 200)
	if slices.IsSorted(got) {
		t.Error("all in order")
	}
	held := r.Stats().Reordered
	if held < 20 || held > 60 {
		t.Errorf("%d held back, want about 40", held)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != 200 {
		t.Errorf("%d packets, want 200", len(got))
	}
}

func TestSetBlocksOneWayOrAll(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{})
	c := newPeer(t)
	c.send(r.Addr(), 1)
	_, back := server.receive()
	r.Set(Options{Block: true, Only: []Way{ToTarget}})
	c.send(r.Addr(), 2)
	server.send(back, 3)
	if n, _ := c.receive(); n != 3 {
		t.Errorf("got %d", n)
	}
	r.Set(Options{Block: true})
	server.send(back, 4)
	for r.Stats().Lost < 2 {
		time.Sleep(time.Millisecond)
	}
	r.Set(Options{})
	server.send(back, 5)
	c.send(r.Addr(), 6)
	if n, _ := c.receive(); n != 5 {
		t.Errorf("got %d, want 5", n)
	}
	if n, _ := server.receive(); n != 6 {
		t.Errorf("got %d, want 6", n)
	}
}

func TestThereIsNoRoomForEver(t *testing.T) {
	server := newPeer(t)
	r := UDP(t, server.addr(), Options{Delay: time.Hour})
	c := &client{}
	for range maxHeld {
		if !r.line.put(&held{due: time.Now().Add(time.Hour), relay: r, c: c}) {
			t.Fatal("no room")
		}
	}
	newPeer(t).send(r.Addr(), 1)
	for r.Stats().Refused == 0 {
		time.Sleep(time.Millisecond)
	}
	for i := range maxClients {
		r.client(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(i+1)))
	}
	if r.client(netip.AddrPortFrom(netip.IPv4Unspecified(), 9999)) != nil {
		t.Error("one client too many")
	}
	r.Close()
	r.Close()
	if r.client(netip.AddrPortFrom(netip.IPv4Unspecified(), 9999)) != nil {
		t.Error("a client after the end")
	}
}

// TestABottleneckHoldsBackAndLoses: what comes faster than it carries waits, in order, and is lost when the queue is full.
func TestABottleneckHoldsBackAndLoses(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	o := &Options{Rate: 800_000, Queue: 50 * time.Millisecond}
	f := &fate{}
	var out []time.Duration
	for range 10 { // 10 ms each
		if at, ok := f.pass(now, 1000-headers, o); ok {
			out = append(out, at.Sub(now)/time.Millisecond)
		}
	}
	if !slices.Equal(out, []time.Duration{10, 20, 30, 40, 50, 60}) {
		t.Errorf("of ten packets at once came %v", out)
	}
	if at, ok := f.pass(now.Add(time.Second), 1000-headers, o); !ok || at.Sub(now) != 1010*time.Millisecond {
		t.Errorf("later one took %v, %v", at.Sub(now), ok)
	}
	if at, ok := f.pass(now.Add(time.Second), 1000, &Options{}); !ok || at.Sub(now) != time.Second {
		t.Errorf("without a bottleneck: %v, %v", at, ok)
	}

	server := newPeer(t)
	r := UDP(t, server.addr(), Options{Rate: 1_000_000, Queue: time.Minute})
	c := newPeer(t)
	began := time.Now()
	for i := range 100 { // of 32 bytes with their headers
		c.send(r.Addr(), uint32(i))
	}
	for i := range 100 {
		if n, _ := server.receive(); n != uint32(i) {
			t.Fatalf("packet %d came as number %d", n, i)
		}
	}
	if d := time.Since(began); d < 25*time.Millisecond {
		t.Errorf("100 packets through 1 Mbit/s took %v", d)
	}
}
