package engine

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/turn"
)

// relay is the sockets of the TURN server, and what clients are told of it.
type relay struct {
	udp     *net.UDPConn
	tcp     *net.TCPListener
	tickets turn.Tickets
	server  *turn.Server
}

// openTURN binds the relay's port; it gives nil where there is none.
func (e *Engine) openTURN(ring *auth.Keyring) (*relay, error) {
	if e.cfg.TURNAddr == "off" {
		return nil, nil
	}
	r := &relay{tickets: turn.Tickets{Password: func(username string) string { return ring.Digest("turn", username) }}}
	var err error
	if r.udp, r.tcp, err = listenBoth("turn-addr", e.cfg.TURNAddr); err != nil {
		return nil, err
	}
	e.addr.TURN = r.udp.LocalAddr().String()
	r.tickets.URLs = e.addr.turnURLs()
	e.add("turn port", nil, func(context.Context) error { // the server of the port closes it, too, if it came so far
		r.udp.Close()
		r.tcp.Close()
		return nil
	})
	return r, nil
}

// iceServers is what rtc tells a client.
func (r *relay) iceServers(participant string, until time.Time) []rtc.ICEServer {
	username, password := r.tickets.Issue(participant, until)
	out := make([]rtc.ICEServer, len(r.tickets.URLs))
	for i, u := range r.tickets.URLs {
		out[i] = rtc.ICEServer{URL: u, Username: username, Credential: password}
	}
	return out
}

// serveTURN starts the relay in front of the media port. It is stopped after the sessions that go through it.
func (e *Engine) serveTURN(r *relay, media *rtc.Server) (err error) {
	r.server, err = turn.New(turn.Options{
		UDP: r.udp, TCP: r.tcp, Tickets: &r.tickets, Registerer: e.reg,
		Media: turn.Media{
			Addresses: media.Addresses,
			Join:      func(from netip.AddrPort, out func([]byte) error) turn.Way { return media.Inlet(from, out) },
		},
	})
	if err == nil {
		e.add("turn server", nil, r.server.Close)
	}
	return err
}

// turnURLs are where clients reach the relay (RFC 7065): by UDP on its own port, and by TLS where HTTPS is, since
// that is what networks let out; without TLS, by TCP on its own port. Each one costs a browser an allocation
// per connection, so there are two.
func (a Addresses) turnURLs() []string {
	at := publicHost(a.URL, a.TURN)
	if secure := a.tlsHost(); secure != "" {
		return []string{"turn:" + at + "?transport=udp", "turns:" + secure + "?transport=tcp"}
	}
	return []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
}
