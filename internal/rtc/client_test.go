package rtc

import (
	"net"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/stun/v4"
)

// checkBy is a connectivity check with these credentials (RFC 8445 §7.2).
func checkBy(t testing.TB, name, pwd string, more ...stun.Setter) *stun.Message {
	t.Helper()
	list := append([]stun.Setter{stun.TransactionID, stun.BindingRequest, stun.NewUsername(name)}, more...)
	m, err := stun.Build(append(list, stun.NewShortTermIntegrity(pwd), stun.Fingerprint)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// offered is a publisher's session, of which nothing has come yet but its offer.
func (w *world) offered(t *testing.T) *session {
	t.Helper()
	if r := (&doorClient{w, "publisher"}).do(t, "POST", "/whip", map[string]string{"Content-Type": "application/sdp"}, offerText("sendonly")); r.status != 201 {
		t.Fatalf("got %d", r.status)
	}
	return w.up.peer.(*session)
}

// dial gives a socket to the media port.
func (w *world) dial(t testing.TB) net.Conn {
	t.Helper()
	nc, err := net.Dial("udp", w.addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// check sends a check of the session's client from a socket, and gives it and what is answered.
func (s *session) check(t testing.TB, from net.Conn, more ...stun.Setter) (m *stun.Message, answer []byte) {
	t.Helper()
	c := s.current.Load()
	m = checkBy(t, c.ufrag+":"+c.remote.ufrag, c.pwd, more...)
	if _, err := from.Write(m.Raw); err != nil {
		t.Fatal(err)
	}
	return m, datagram(t, from)
}

// datagram reads the next one, within 10 s.
func datagram(t testing.TB, from net.Conn) []byte {
	t.Helper()
	if err := from.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, maxPacket)
	n, err := from.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

// listener is the client of a subscription whose ICE and DTLS have been skipped.
type listener struct {
	t    testing.TB
	conn *net.UDPConn
	in   *srtp.Context
}

func newListener(t testing.TB, w *world, profile srtp.ProtectionProfile) (*downstream, *listener) {
	t.Helper()
	d, conn := connectedDown(t, w, profile)
	_, theirs := benchKeys(profile)
	in, err := theirs.inward()
	if err != nil {
		t.Fatal(err)
	}
	return d, &listener{t, conn, in}
}

// sealed reads the next packet of media as it is.
func (l *listener) sealed() []byte {
	l.t.Helper()
	for {
		if b := datagram(l.t, l.conn); b[0]>>6 == 2 && b[1]&0x7F >= 96 {
			return b
		}
	}
}

// opened is a packet of media, and its bytes.
type opened struct {
	rtp.Packet
	raw []byte
}

// hear reads the next packets of media.
func (l *listener) hear(n int) (list []opened) {
	l.t.Helper()
	for range n {
		plain, err := l.in.DecryptRTP(nil, l.sealed(), nil)
		if err != nil {
			l.t.Fatal(err)
		}
		p := opened{raw: plain}
		if err := p.Unmarshal(plain); err != nil {
			l.t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
