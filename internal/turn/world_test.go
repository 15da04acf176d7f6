package turn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a relay on loopback in front of a media port that sends everything back.
type world struct {
	*Server
	t       testing.TB
	reg     *prometheus.Registry
	tickets Tickets
	ahead   atomic.Int64 // how far the clock is ahead
	udp     string
	tcp     string
}

var mediaAddr = netip.MustParseAddrPort("192.0.2.1:8189")

// echo is a way to a media port that sends everything back.
type echo func(b []byte) error

func (e echo) Deliver(b []byte) { _ = e(b) }

func newWorld(t testing.TB, edit func(*Options)) *world {
	t.Helper()
	ring, err := auth.OpenKeyring(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, reg: prometheus.NewRegistry(), udp: udp.LocalAddr().String(), tcp: tcp.Addr().String()}
	w.tickets = Tickets{
		Password: func(name string) string { return ring.Digest("turn", name) },
		Now:      func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	}
	o := Options{
		UDP: udp, TCP: tcp, Tickets: &w.tickets, Registerer: w.reg,
		Media: Media{
			Addresses: func() []netip.AddrPort { return []netip.AddrPort{mediaAddr} },
			Join:      func(_ netip.AddrPort, out func([]byte) error) Way { return echo(out) },
		},
	}
	if edit != nil {
		edit(&o)
	}
	if w.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	return w
}

func (w *world) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := w.Close(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		w.t.Errorf("close: %v", err)
	}
}

// metric sums a metric over the values of its label, or gives the one of a value.
func (w *world) metric(name string, values ...string) (sum float64) {
	w.t.Helper()
	all, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range all {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if len(values) == 0 || slices.Contains(values, m.GetLabel()[0].GetValue()) {
				sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// until waits for a condition that no event tells of.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			w.t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// caller speaks TURN message by message, so that a test can say what no client would.
type caller struct {
	t                  testing.TB
	conn               net.PacketConn
	to                 net.Addr
	username, password string
	nonce              stun.Nonce
}

// dial gives a caller by "udp" or "tcp" with credentials of a participant.
func (w *world) dial(network, participant string) *caller {
	w.t.Helper()
	c := &caller{t: w.t}
	c.username, c.password = w.tickets.Issue(participant, time.Time{})
	if network == "udp" {
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		c.conn = conn
		c.to, _ = net.ResolveUDPAddr("udp4", w.udp)
	} else {
		conn, err := net.Dial("tcp4", w.tcp)
		if err != nil {
			w.t.Fatal(err)
		}
		c.conn, c.to = turn.NewSTUNConn(conn), conn.RemoteAddr()
	}
	w.t.Cleanup(func() { c.conn.Close() })
	return c
}

// send writes a request, with credentials once there is a nonce.
func (c *caller) send(method stun.Method, more ...stun.Setter) [stun.TransactionIDSize]byte {
	c.t.Helper()
	m := stun.New()
	list := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, more...)
	if len(c.nonce) > 0 {
		list = append(list, stun.NewUsername(c.username), stun.NewRealm(realm), c.nonce, stun.NewLongTermIntegrity(c.username, realm, c.password))
	}
	if err := m.Build(list...); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.WriteTo(m.Raw, c.to); err != nil {
		c.t.Fatal(err)
	}
	return m.TransactionID
}

// read gives the next message within a time; nil if there is none.
func (c *caller) read(wait time.Duration) []byte {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(wait))
	b := make([]byte, maxMessage)
	n, _, err := c.conn.ReadFrom(b)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.EOF) {
			return nil
		}
		c.t.Fatal(err)
	}
	return b[:n]
}

// do makes a request and gives the code of the error it is answered with, 0 for success.
func (c *caller) do(method stun.Method, more ...stun.Setter) (*stun.Message, stun.ErrorCode) {
	c.t.Helper()
	for again := false; ; again = true {
		id := c.send(method, more...)
		m := &stun.Message{}
		for {
			raw := c.read(10 * time.Second)
			if raw == nil {
				c.t.Fatalf("%s is not answered", method)
			}
			if m.Raw = raw; m.Decode() == nil && m.TransactionID == id {
				break
			}
		}
		var code stun.ErrorCodeAttribute
		if m.Type.Class == stun.ClassErrorResponse {
			if err := code.GetFrom(m); err != nil {
				c.t.Fatal(err)
			}
		}
		if code.Code == stun.CodeUnauthorized && !again && len(c.nonce) == 0 {
			if err := c.nonce.GetFrom(m); err != nil {
				c.t.Fatal(err)
			}
			c.nonce = slices.Clone(c.nonce)
			continue
		}
		return m, code.Code
	}
}

func attr(t stun.AttrType, value ...byte) stun.RawAttribute {
	return stun.RawAttribute{Type: t, Length: uint16(len(value)), Value: value}
}

// raw adds an attribute as it is.
type raw stun.RawAttribute

func (r raw) AddTo(m *stun.Message) error {
	m.Add(r.Type, r.Value)
	return nil
}

var (
	overUDP = raw(attr(stun.AttrRequestedTransport, 17, 0, 0, 0))
	overTCP = raw(attr(stun.AttrRequestedTransport, 6, 0, 0, 0))
)

// peer is XOR-PEER-ADDRESS.
type peer netip.AddrPort

func (p peer) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: a.Addr().AsSlice(), Port: int(a.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

func to(text string) peer { return peer(netip.MustParseAddrPort(text)) }

// allocate gives the code that the request was answered with.
func (c *caller) allocate(more ...stun.Setter) stun.ErrorCode {
	c.t.Helper()
	_, code := c.do(stun.MethodAllocate, append([]stun.Setter{overUDP}, more...)...)
	return code
}

func (c *caller) refresh(lifetime byte) stun.ErrorCode {
	c.t.Helper()
	_, code := c.do(stun.MethodRefresh, raw(attr(stun.AttrLifetime, 0, 0, 0, lifetime)))
	return code
}

// indicate sends data to a peer without being answered.
func (c *caller) indicate(p peer, data []byte) {
	c.t.Helper()
	m := stun.New()
	if err := m.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), p, raw(attr(stun.AttrData, data...))); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.conn.WriteTo(m.Raw, c.to); err != nil {
		c.t.Fatal(err)
	}
}
