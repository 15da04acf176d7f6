package rtc

import "net/netip"

// Inlet is a client's way to the media port through a relay in this process (TURN, RFC 8656) instead of a
// socket. A check shows whose it is, as on the port itself; the newest check counts.
type Inlet struct {
	port    *port
	from    netip.AddrPort
	out     func(b []byte) error
	check   checker
	session *session
}

// Inlet makes a way in for a client that is seen as from. What is for the client goes to out, which must not
// wait, and may keep nothing of what it is given.
func (s *Server) Inlet(from netip.AddrPort, out func(b []byte) error) *Inlet {
	return &Inlet{port: s.port, from: from, out: out}
}

// Deliver takes one datagram of the client, whose memory is the caller's again afterwards. It does not wait.
// One goroutine at a time may call it.
func (i *Inlet) Deliver(b []byte) {
	switch {
	case len(b) == 0 || len(b) >= maxPacket:
		i.port.metrics.dropped.odd.Inc()
		return
	case b[0] < 4: // STUN (RFC 7983 §7)
		if s := i.check.judge(i.port, b, route{addr: i.from, over: i}); s != nil {
			i.session = s
		}
		return
	case i.session == nil:
		i.port.metrics.dropped.stranger.Inc()
		return
	}
	select {
	case <-i.session.ending: // nobody empties its inbox any more
		i.session = nil
		return
	default:
	}
	pk := packetPool.Get().(*packet)
	pk.n, pk.at, pk.by = copy(pk.buf[:], b), i.port.now(), route{addr: i.from, over: i}
	if !i.session.deliver(pk) {
		packetPool.Put(pk)
	}
}

func (i *Inlet) send(b []byte) error { return i.out(b) }

// Addresses gives the UDP addresses that clients are told the media port has.
func (s *Server) Addresses() []netip.AddrPort {
	var out []netip.AddrPort
	for _, c := range s.candidates() {
		if c.UDP != 0 {
			out = append(out, netip.AddrPortFrom(c.IP.Unmap(), c.UDP))
		}
	}
	return out
}
