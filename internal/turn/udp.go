package turn

import (
	"errors"
	"net"
	"time"
)

// datagrams is the relay's UDP socket as pion reads it: without what is too much.
type datagrams struct {
	*net.UDPConn
	srv *Server
}

// ReadFrom gives the next datagram that is to be answered. It fails only when the socket is closed, since pion reads
// no further after an error.
func (d datagrams) ReadFrom(b []byte) (int, net.Addr, error) {
	var wait time.Duration
	for {
		n, from, err := d.ReadFromUDPAddrPort(b)
		if errors.Is(err, net.ErrClosed) {
			return 0, nil, err
		}
		if err != nil { // what the network says of an earlier datagram, or a machine out of buffers: both pass
			wait = min(max(2*wait, time.Millisecond), time.Second)
			time.Sleep(wait)
			continue
		}
		wait = 0
		from = unmap(from)
		if r := d.srv.find(place{at: from}); r != nil {
			if r.up.AllowN(time.Now(), n) {
				return n, r.home, nil
			}
			d.srv.metrics.dropped.rate.Inc()
		} else if n < minMessage || b[0] != 0 || !d.srv.strangers.allow(from.Addr(), 1) { // only requests begin an allocation
			d.srv.metrics.dropped.stranger.Inc()
		} else {
			return n, net.UDPAddrFromAddrPort(from), nil
		}
	}
}
