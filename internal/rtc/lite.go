package rtc

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"slices"
	"time"

	"github.com/pion/stun/v4"
)

// credentials are one generation of a session's ICE credentials (RFC 8445 §5.3). A restart makes a new
// one; the older is good until the client has nominated a path with the newer.
type credentials struct {
	session    *session
	ufrag, pwd string // ours
	remote     iceRemote
	integrity  stun.MessageIntegrity
}

func newCredentials(s *session, remote iceRemote) *credentials {
	c := &credentials{session: s, ufrag: randomText(6), pwd: randomText(18), remote: remote}
	c.integrity = stun.NewShortTermIntegrity(c.pwd)
	return c
}

// randomText gives n random bytes as ice-chars and URL-safe text alike, if n divides by 3.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	text := []byte(base64.RawStdEncoding.EncodeToString(b))
	for i, c := range text {
		if c == '+' || c == '/' { // worth a hundredth of a bit
			text[i] = 'a' + c%26
		}
	}
	return string(text)
}

// checker answers connectivity checks as an ICE-lite agent does (RFC 8445 §7.3): it never checks itself, it
// is always the controlled side, and the client's nomination decides where media goes. Each reading
// goroutine has its own.
type checker struct{ in, out stun.Message }

// judge takes a datagram that may be a check and answers it if it is an authentic one. It gives the
// session it belongs to, or nil. What cannot be authenticated is not answered at all.
func (c *checker) judge(p *port, b []byte, from route) *session {
	s := c.answer(p, b, from)
	if s == nil {
		p.metrics.dropped.check.Inc()
	}
	return s
}

func (c *checker) answer(p *port, b []byte, from route) *session {
	c.in.Raw = append(c.in.Raw[:0], b...)
	if !stun.IsMessage(b) || c.in.Decode() != nil || c.in.Type != stun.BindingRequest {
		return nil
	}
	name, ok := c.in.Attributes.Get(stun.AttrUsername)
	if !ok {
		return nil
	}
	ours, theirs, ok := bytes.Cut(name.Value, []byte(":"))
	if !ok {
		return nil
	}
	cred := p.find(ours)
	if cred == nil || subtle.ConstantTimeCompare(theirs, []byte(cred.remote.ufrag)) != 1 {
		return nil
	}
	if cred.integrity.Check(&c.in) != nil || stun.Fingerprint.Check(&c.in) != nil {
		return nil
	}
	nominated, controlled := false, false
	for _, a := range c.in.Attributes {
		if a.Type == stun.AttrMessageIntegrity { // what follows is not covered by it
			break
		}
		nominated = nominated || a.Type == stun.AttrUseCandidate
		controlled = controlled || a.Type == stun.AttrICEControlled
	}
	var err error
	if controlled { // §7.3.1.1: we are controlled, so the client must not be
		err = c.out.Build(stun.NewTransactionIDSetter(c.in.TransactionID), stun.BindingError, stun.CodeRoleConflict, cred.integrity, stun.Fingerprint)
	} else {
		mapped := stun.XORMappedAddress{IP: net.IP(from.addr.Addr().AsSlice()), Port: int(from.addr.Port())}
		err = c.out.Build(stun.NewTransactionIDSetter(c.in.TransactionID), stun.BindingSuccess, &mapped, cred.integrity, stun.Fingerprint)
	}
	if err != nil {
		return nil
	}
	if !controlled {
		cred.session.checked(cred, from, nominated)
	}
	if from.over != nil {
		from.over.send(c.out.Raw)
	} else {
		p.udp.WriteToUDPAddrPort(c.out.Raw, from.addr)
	}
	return cred.session
}

// routeSilence is after how much silence on the way that media takes another one that the client checks takes its place.
const routeSilence = 3 * time.Second

// checked notes an authentic check: the client lives, and is reached this way. Media takes the way of
// the first check until the client nominates one; the newest nomination counts. A NAT may give the client another
// address of which it knows nothing: its checks go on without a nomination, so they count when nothing comes the old way.
func (s *session) checked(c *credentials, from route, nominated bool) {
	now := s.srv.now()
	s.heard.Store(now.UnixNano())
	if at := s.route.Load(); at != nil && *at == from {
		s.passed.Store(now.UnixNano())
		if s.current.Load() == c && (from.over != nil || s.port.owner(from.addr) == s) {
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	if from.over != nil {
		// The connection or the inlet itself says whose it is.
	} else if slices.Contains(s.addrs, from.addr) {
		s.port.learn(from.addr, s) // it may have been another's meanwhile
	} else {
		if len(s.addrs) == addressesPerSession {
			oldest := 0
			if at := s.route.Load(); at != nil && at.addr == s.addrs[0] {
				oldest = 1
			}
			s.port.forget(s, s.addrs[oldest])
			s.addrs = slices.Delete(s.addrs, oldest, oldest+1)
		}
		s.addrs = append(s.addrs, from.addr)
		s.port.learn(from.addr, s)
	}
	switch {
	case nominated && s.pending == c: // the restart has worked out
		s.port.leave(s.current.Swap(c))
		s.pending = nil
		s.reroute(from, now)
	case c != s.current.Load():
	case nominated || s.route.Load() == nil || now.UnixNano()-s.passed.Load() > int64(routeSilence):
		s.reroute(from, now)
	}
	if s.route.Load() != nil {
		s.reachable.Do(func() { close(s.reached) })
	}
}

// reroute makes media take a way from now on.
func (s *session) reroute(by route, now time.Time) {
	s.passed.Store(now.UnixNano())
	s.route.Store(&by)
}
