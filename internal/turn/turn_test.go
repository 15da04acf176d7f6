package turn

import (
	"bytes"
	"crypto/rand"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
)

// TestAClientReachesTheMediaPort has pion's client send and receive, by the networks of the relay's own port.
func TestAClientReachesTheMediaPort(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			w := newWorld(t, nil)
			c := w.dial(network, "ada")
			client, err := turn.NewClient(&turn.ClientConfig{
				TURNServerAddr: c.to.String(), Conn: c.conn, Username: c.username, Password: c.password, Realm: realm, LoggerFactory: silence{},
				RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Listen(); err != nil {
				t.Fatal(err)
			}
			relayed, err := client.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			if at := relayed.LocalAddr().(*net.UDPAddr); !at.IP.Equal(mediaAddr.Addr().AsSlice()) || at.Port < 49152 {
				t.Errorf("relayed address %v", at)
			}
			if n := w.metric("streamcat_turn_allocations", network); n != 1 {
				t.Errorf("%v allocations", n)
			}
			to := net.UDPAddrFromAddrPort(mediaAddr)
			for size := 20; size <= 1220; size += 600 { // by Send indications at first, by a channel once it is bound
				want := make([]byte, size)
				rand.Read(want)
				if _, err := relayed.WriteTo(want, to); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, 2000)
				_ = relayed.SetReadDeadline(time.Now().Add(10 * time.Second))
				n, from, err := relayed.ReadFrom(got)
				if err != nil || !bytes.Equal(got[:n], want) || from.String() != mediaAddr.String() {
					t.Fatalf("%d bytes from %v: %v", n, from, err)
				}
			}
			if in, out := w.metric("streamcat_turn_relayed_bytes_total", "in"), w.metric("streamcat_turn_relayed_bytes_total", "out"); in != 1860 || out != 1860 {
				t.Errorf("%v bytes in, %v out", in, out)
			}
			if err := relayed.Close(); err != nil {
				t.Fatal(err)
			}
			w.until("the allocation to end", func() bool { return w.metric("streamcat_turn_allocations") == 0 })
		})
	}
}

// TestNobodyElseIsReached asks for permissions and channels to everything that one would reach by a relay that is
// not careful.
func TestNobodyElseIsReached(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			w := newWorld(t, nil)
			c := w.dial(network, "ada")
			if code := c.allocate(); code != 0 {
				t.Fatalf("allocate: %d", code)
			}
			for i, text := range []string{
				other.LocalAddr().String(), "127.0.0.1:22", "10.0.0.1:80", "192.168.1.1:53", "169.254.169.254:80", "0.0.0.0:8189", "255.255.255.255:9",
				"224.0.0.1:5004", "192.0.2.2:8189", "[::1]:22", "[::ffff:127.0.0.1]:22", "[::ffff:10.0.0.1]:80", "[fe80::1]:80", "[fd00:ec2::254]:80", "[::]:8189",
			} {
				if _, code := c.do(stun.MethodCreatePermission, to(text)); code != stun.CodeForbidden && code != stun.CodePeerAddrFamilyMismatch {
					t.Errorf("permission for %s: %d", text, code)
				}
				if _, code := c.do(stun.MethodCreatePermission, peer(mediaAddr), to(text)); code == 0 {
					t.Errorf("permission for %s beside the media port", text)
				}
				if _, code := c.do(stun.MethodChannelBind, raw(attr(stun.AttrChannelNumber, 0x40, byte(i), 0, 0)), to(text)); code == 0 {
					t.Errorf("a channel to %s", text)
				}
				c.indicate(to(text), []byte("in"))
			}
			// A permission is for an address; another port of it is still nobody's.
			if _, code := c.do(stun.MethodCreatePermission, to("192.0.2.1:1")); code != 0 {
				t.Errorf("permission for the media port's address: %d", code)
			}
			c.indicate(to("192.0.2.1:22"), []byte("in"))
			c.indicate(peer(mediaAddr), []byte("through"))
			m := &stun.Message{Raw: c.read(10 * time.Second)}
			if err := m.Decode(); err != nil || m.Type != stun.NewType(stun.MethodData, stun.ClassIndication) {
				t.Fatalf("%v %v", m, err)
			}
			if data, err := m.Get(stun.AttrData); err != nil || string(data) != "through" {
				t.Errorf("%q %v", data, err)
			}
			if n := w.metric("streamcat_turn_dropped_total", "peer"); n != 1 { // the others were stopped by the missing permission
				t.Errorf("%v packets to other ports", n)
			}
			if n := w.metric("streamcat_turn_relayed_bytes_total", "in"); n != float64(len("through")) {
				t.Errorf("%v bytes were relayed", n)
			}
			_ = other.SetReadDeadline(time.Now())
			if n, from, err := other.ReadFrom(make([]byte, 100)); err == nil {
				t.Errorf("%d bytes came from %v", n, from)
			}
		})
	}
}

func TestOnlyUDPAndNoPortsOfTheClientsChoice(t *testing.T) {
	w := newWorld(t, nil)
	for name, ask := range map[string][]stun.Setter{
		"TCP (RFC 6062)":       {overTCP},
		"an even port":         {overUDP, raw(attr(stun.AttrEvenPort, 0x80))},
		"a reserved port":      {overUDP, raw(attr(stun.AttrReservationToken, 1, 2, 3, 4, 5, 6, 7, 8))},
		"an address of IPv6":   {overUDP, raw(attr(stun.AttrRequestedAddressFamily, 2, 0, 0, 0))},
		"no transport":         nil,
		"another transport":    {raw(attr(stun.AttrRequestedTransport, 132, 0, 0, 0))},
		"to forbid fragmented": {overUDP, raw(attr(stun.AttrDontFragment))},
	} {
		if _, code := w.dial("udp", "ada").do(stun.MethodAllocate, ask...); code == 0 {
			t.Errorf("an allocation for %s", name)
		}
	}
	if n := w.metric("streamcat_turn_allocations"); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCredentials(t *testing.T) {
	w := newWorld(t, nil)
	for name, spoil := range map[string]func(*caller){
		"another password":    func(c *caller) { c.password = strings.Repeat("0", 64) },
		"another participant": func(c *caller) { c.username = strings.Replace(c.username, "ada", "bob", 1) },
		"a later end":         func(c *caller) { c.username = "9" + c.username },
		"no end":              func(c *caller) { c.username = "ada" },
		"expired":             func(c *caller) { c.username, c.password = w.tickets.Issue("ada", time.Now().Add(-time.Minute)) },
	} {
		c := w.dial("udp", "ada")
		spoil(c)
		if code := c.allocate(); code != stun.CodeUnauthorized {
			t.Errorf("%s: %d", name, code)
		}
	}
	if n := w.metric("streamcat_turn_refused_total", "expired"); n != 1 {
		t.Errorf("%v had expired", n)
	}
	if n := w.metric("streamcat_turn_refused_total", "credentials"); n != 4 {
		t.Errorf("%v were wrong", n)
	}

	// Whoever is in stays in, and nobody new comes by the same credentials.
	c := w.dial("udp", "ada")
	if code := c.allocate(); code != 0 {
		t.Fatal(code)
	}
	late := w.dial("udp", "ada")
	late.username, late.password = c.username, c.password
	w.ahead.Store(int64(maxTicket + time.Minute))
	if code := c.refresh(60); code != 0 {
		t.Errorf("refresh: %d", code)
	}
	if code := late.allocate(); code != stun.CodeUnauthorized {
		t.Errorf("allocate: %d", code)
	}
	// A stranger's credentials are no good for another's allocation.
	c.username, c.password = w.tickets.Issue("bob", time.Time{})
	c.send(stun.MethodCreatePermission, peer(mediaAddr))
	c.indicate(peer(mediaAddr), []byte("in")) // as there is no permission, this comes to nothing
	if _, code := c.do(stun.MethodBinding); code != 0 {
		t.Error(code)
	}
	if n := w.metric("streamcat_turn_relayed_bytes_total"); n != 0 {
		t.Errorf("%v bytes were relayed", n)
	}
}

func TestQuotas(t *testing.T) {
	for name, c := range map[string]struct {
		edit  func(*Options)
		users []string
		label string
	}{
		"of a user":     {func(o *Options) { o.MaxPerUser = 2 }, []string{"ada", "ada", "ada"}, "user"},
		"of an address": {func(o *Options) { o.MaxPerAddress = 2 }, []string{"ada", "bob", "eve"}, "address"},
		"of all":        {func(o *Options) { o.MaxAllocations = 2 }, []string{"ada", "bob", "eve"}, "total"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c.edit)
			var first *caller
			for i, user := range c.users {
				one := w.dial([]string{"udp", "tcp"}[i%2], user)
				if first == nil {
					first = one
				}
				if code := one.allocate(); (code == 0) != (i < 2) || i == 2 && code != stun.CodeAllocQuotaReached {
					t.Errorf("allocation %d: %d", i, code)
				}
			}
			if n := w.metric("streamcat_turn_refused_total", c.label); n != 1 {
				t.Errorf("%v refused", n)
			}
			if code := first.refresh(0); code != 0 {
				t.Errorf("giving one back: %d", code)
			}
			if code := w.dial("udp", c.users[2]).allocate(); code != 0 {
				t.Errorf("after one was given back: %d", code)
			}
			w.stop()
			if len(w.relays)+len(w.users)+len(w.nets)+len(w.streams.open)+len(w.streams.at)+w.streams.waiting.Len() != 0 {
				t.Error("something is left")
			}
		})
	}
}

// TestAStrangersBudget is about the answers that one network may cause, and what wrong credentials cost it.
func TestAStrangersBudget(t *testing.T) {
	s := newStrangers()
	a := placeOf(&net.UDPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 1}).at.Addr()
	allowed := 0
	for range 100_000 {
		if s.allow(a, 1) {
			allowed++
		}
	}
	if allowed < strangerBurst || allowed > 50_000 { // what comes back within a thousand seconds
		t.Errorf("%d messages", allowed)
	}
	b := placeOf(&net.UDPAddr{IP: net.ParseIP("2001:db8::1"), Port: 1}).at.Addr()
	c := placeOf(&net.UDPAddr{IP: net.ParseIP("2001:db8::2"), Port: 1}).at.Addr()
	for range 1000 {
		s.charge(b, badCredentialsCost)
	}
	if s.allow(c, 1) {
		t.Error("another address of the same network is let in")
	}
}

func TestABudgetHoldsForSockets(t *testing.T) {
	w := newWorld(t, nil)
	in := w.dial("udp", "ada")
	if code := in.allocate(); code != 0 {
		t.Fatal(code)
	}
	w.strangers.charge(placeOf(in.conn.LocalAddr()).at.Addr(), strangerBurst)
	for range 1000 {
		w.strangers.charge(placeOf(in.conn.LocalAddr()).at.Addr(), strangerBurst)
	}
	out := w.dial("udp", "ada")
	out.send(stun.MethodBinding)
	w.until("a stranger's datagram to be dropped", func() bool { return w.metric("streamcat_turn_dropped_total", "stranger") == 1 })
	if c := w.dial("tcp", "ada"); c.read(10*time.Second) != nil {
		t.Error("a stranger's connection is answered")
	}
	if code := in.refresh(60); code != 0 { // whoever is in does not suffer from it
		t.Errorf("refresh: %d", code)
	}
}

func TestTooMuchIsDroppedOrCut(t *testing.T) {
	small := func(o *Options) { o.MaxBitrate = 8 * 1000 }
	w := newWorld(t, small)
	for _, network := range []string{"udp", "tcp"} {
		c := w.dial(network, "ada")
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
		if _, code := c.do(stun.MethodCreatePermission, peer(mediaAddr)); code != 0 {
			t.Fatal(code)
		}
		before := w.metric("streamcat_turn_dropped_total", "rate")
		m := stun.New()
		if err := m.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peer(mediaAddr), raw(attr(stun.AttrData, make([]byte, 1000)...))); err != nil {
			t.Fatal(err)
		}
		w.until("something to be dropped", func() bool {
			_, err := c.conn.WriteTo(m.Raw, c.to)
			return err != nil || w.metric("streamcat_turn_dropped_total", "rate") > before
		})
	}
	w.until("the connection to be cut", func() bool { return w.metric("streamcat_turn_connections") == 0 })
	w.until("its allocation to end", func() bool { return w.metric("streamcat_turn_allocations", "tcp") == 0 })
	if n := w.metric("streamcat_turn_allocations", "udp"); n != 1 {
		t.Errorf("%v allocations by UDP", n)
	}
}

func TestWhatIsIdleEnds(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.IdleAfter, o.Patience = 50*time.Millisecond, 2*time.Second })
	udp, tcp, mute := w.dial("udp", "ada"), w.dial("tcp", "ada"), w.dial("tcp", "eve")
	for _, c := range []*caller{udp, tcp} {
		if code := c.allocate(); code != 0 {
			t.Fatal(code)
		}
	}
	w.until("idle allocations to end", func() bool { return w.metric("streamcat_turn_allocations") == 0 })
	for _, c := range []*caller{tcp, mute} {
		if c.read(10*time.Second) != nil {
			t.Error("a connection without an allocation is answered")
		}
	}
	w.until("connections to end", func() bool { return w.metric("streamcat_turn_connections") == 0 })
}

// TestGarbage sends what is no TURN, by each network, and a flood of it.
func TestGarbage(t *testing.T) {
	w := newWorld(t, nil)
	for _, garbage := range [][]byte{
		nil,
		{0},
		bytes.Repeat([]byte{0}, 2000), bytes.Repeat([]byte{0xff}, 2047), []byte("GET / HTTP/1.1\r\nHost: tv.example\r\n\r\n"),
		append([]byte{0x40, 0, 0xff, 0xff}, make([]byte, 1000)...),
		{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42},
	} {
		u := w.dial("udp", "ada")
		if _, err := u.conn.WriteTo(garbage, u.to); err != nil {
			t.Fatal(err)
		}
		c := w.dial("tcp", "ada")
		_, _ = c.conn.WriteTo(garbage, c.to) // it may be closed already
		c.conn.Close()
	}
	flood, err := net.Dial("tcp4", w.tcp)
	if err != nil {
		t.Fatal(err)
	}
	defer flood.Close()
	_ = flood.SetDeadline(time.Now().Add(10 * time.Second))
	w.until("a flood to be cut", func() bool {
		_, err := flood.Write(append([]byte{0x40, 0, 0xff, 0xff}, make([]byte, 8000)...)) // a frame of 64 KiB that never ends
		return err != nil
	})
	w.until("all connections to end", func() bool { return w.metric("streamcat_turn_connections") == 0 })
	if code := w.dial("udp", "ada").allocate(); code != 0 {
		t.Errorf("afterwards: %d", code)
	}
}

// TestTheOldestStrangerMakesRoom fills the places of connections that have no allocation.
func TestTheOldestStrangerMakesRoom(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Patience = time.Minute })
	for i := range w.strangers.buckets {
		w.strangers.buckets[i].SetBurst(1 << 20)
		w.strangers.buckets[i].SetLimit(1e9)
	}
	first := w.dial("tcp", "ada")
	w.until("the first to be in", func() bool { return w.metric("streamcat_turn_connections") == 1 })
	for range maxWaiting {
		nc, err := net.Dial("tcp4", w.tcp)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	if first.read(10*time.Second) != nil {
		t.Error("the oldest stranger is answered")
	}
	if code := w.dial("tcp", "ada").allocate(); code != 0 {
		t.Errorf("afterwards: %d", code)
	}
}

// TestNothingIsLeftBehind closes relays in the middle of their work, again and again; TestMain looks for goroutines.
func TestNothingIsLeftBehind(t *testing.T) {
	descriptors := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := 0
	for i := range 10 {
		w := newWorld(t, nil)
		var all []*caller
		for _, network := range []string{"udp", "tcp", "tcp", "udp"} {
			c := w.dial(network, "ada")
			if code := c.allocate(); code != 0 {
				t.Fatal(code)
			}
			all = append(all, c)
		}
		all = append(all, w.dial("tcp", "eve"))
		w.stop()
		for _, c := range all {
			c.conn.Close()
		}
		if i == 0 {
			before = descriptors()
		} else if n := descriptors(); n > before {
			t.Fatalf("%d descriptors after %d rounds, %d after one", n, i+1, before)
		}
		if _, err := net.DialTimeout("tcp4", w.tcp, time.Second); err == nil {
			t.Error("the port is still open")
		}
	}
}
