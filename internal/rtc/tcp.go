package rtc

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxStrangersTCP    = 512              // TCP connections that no session has claimed
	maxStrangersPerIP  = 32               // those of one address, or one IPv6 /64
	maxTCPPerSession   = 4                // a client tries several candidates
	strangerPatience   = 5 * time.Second  // for the first authentic check on a connection
	strangerFrames     = 8                // frames until then
	tcpIdle            = 30 * time.Second // checks come every few seconds
	tcpWriteDeadline   = 10 * time.Second
	tcpPending         = 512 << 10 // bytes waiting for a slow client; what does not fit is lost, as on UDP
	tcpFrameHeaderSize = 2
)

var errSlow = errors.New("rtc: the client's connection takes no more")

// tcpConn is one ICE-TCP connection (RFC 6544): packets behind 16-bit lengths (RFC 4571 §2). One
// goroutine reads, another writes what send has queued.
type tcpConn struct {
	nc      net.Conn
	port    *port
	remote  netip.AddrPort
	session *session // whose it is, once a check has shown that; of the reading goroutine

	mu      sync.Mutex
	wake    sync.Cond
	pending []byte
	done    bool
}

// acceptTCP takes TCP connections. Until a check shows whose one is, few are let in, and not for long.
func (p *port) acceptTCP() {
	var wait time.Duration
	for {
		nc, err := p.tcp.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || p.closed() {
				return
			}
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			p.log.Warn("rtc: accept failed, trying again", "error", err, "in", wait)
			time.Sleep(wait)
			continue
		}
		wait = 0
		c := &tcpConn{nc: nc, port: p}
		c.wake.L = &c.mu
		if a, ok := nc.RemoteAddr().(*net.TCPAddr); ok {
			c.remote = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
		}
		if !p.admit(c) {
			p.metrics.dropped.stranger.Inc()
			nc.Close()
		}
	}
}

// admit starts a connection's two goroutines if there is room for one more stranger.
func (p *port) admit(c *tcpConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	strangers := 0
	for _, n := range p.tcpBy {
		strangers += n
	}
	if p.shut || strangers >= maxStrangersTCP || p.tcpBy[network(c.remote.Addr())] >= maxStrangersPerIP {
		return false
	}
	p.tcpBy[network(c.remote.Addr())]++
	p.conns[c] = struct{}{}
	p.wg.Go(c.read)
	p.wg.Go(c.write)
	return true
}

// known ends a connection's time as a stranger.
func (p *port) known(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a = network(a)
	if p.tcpBy[a]--; p.tcpBy[a] <= 0 {
		delete(p.tcpBy, a)
	}
}

func (c *tcpConn) read() {
	defer func() {
		if c.session == nil {
			c.port.known(c.remote.Addr())
		} else {
			c.session.lost(c)
		}
		c.close()
		c.port.mu.Lock()
		delete(c.port.conns, c)
		c.port.mu.Unlock()
	}()
	var check checker
	r := bufio.NewReaderSize(c.nc, 4096)
	pk := packetPool.Get().(*packet)
	c.nc.SetReadDeadline(time.Now().Add(c.port.patience))
	for frames := 0; ; frames++ {
		if c.session != nil {
			c.nc.SetReadDeadline(time.Now().Add(tcpIdle))
		} else if frames == strangerFrames {
			return
		}
		var head [tcpFrameHeaderSize]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(head[:]))
		if n > maxPacket {
			return
		}
		if _, err := io.ReadFull(r, pk.buf[:n]); err != nil {
			return
		}
		if n == 0 {
			continue
		}
		pk.n, pk.at, pk.by = n, c.port.now(), route{addr: c.remote, over: c}
		switch {
		case pk.buf[0] < 4:
			s := check.judge(c.port, pk.buf[:n], pk.by)
			if s != nil && c.session == nil {
				if !s.gained(c) {
					return
				}
				c.session = s
				c.port.known(c.remote.Addr())
			}
		case c.session == nil:
			return
		case c.session.deliver(pk):
			pk = packetPool.Get().(*packet)
		}
	}
}

// send queues a packet. It never waits: what the client is too slow for is lost.
func (c *tcpConn) send(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done {
		return net.ErrClosed
	}
	if len(c.pending)+len(b)+tcpFrameHeaderSize > tcpPending {
		return errSlow
	}
	c.pending = binary.BigEndian.AppendUint16(c.pending, uint16(len(b)))
	c.pending = append(c.pending, b...)
	c.wake.Signal()
	return nil
}

func (c *tcpConn) write() {
	var out []byte
	for {
		c.mu.Lock()
		for len(c.pending) == 0 && !c.done {
			c.wake.Wait()
		}
		if len(c.pending) == 0 {
			c.mu.Unlock()
			c.nc.Close()
			return
		}
		c.pending, out = out[:0], c.pending
		c.mu.Unlock()
		c.nc.SetWriteDeadline(time.Now().Add(tcpWriteDeadline))
		if _, err := c.nc.Write(out); err != nil {
			c.close()
			c.nc.Close()
			return
		}
		if cap(out) > 64<<10 {
			out = nil // a burst is over
		}
	}
}

// close ends the connection once what is queued has been written. It does not wait for that.
func (c *tcpConn) close() {
	c.mu.Lock()
	c.done = true
	c.wake.Signal()
	c.mu.Unlock()
	c.nc.SetReadDeadline(time.Unix(1, 0))
	c.nc.SetWriteDeadline(time.Now().Add(time.Second))
}
