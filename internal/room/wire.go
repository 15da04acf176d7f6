package room

import (
	"crypto/tls"
	"net"
	"sync"
)

// sendBuffer is what the kernel may hold of one connection's unsent bytes. Left to itself it would take
// megabytes for a peer that does not read.
const sendBuffer = 64 << 10

// wire is the transport below one connection. One goroutine reads; try and write are never called at the
// same time; close and abort may be called at any time, more than once, and end all other calls.
type wire interface {
	// read waits for bytes and hands them to take, whose own only until it returns.
	read(take func(p []byte) error) error
	// try writes as much as goes without waiting, which may be nothing.
	try(b []byte) (int, error)
	// write writes everything, however long it takes.
	write(b net.Buffers) error
	// finish says that nothing more will be written; the peer sees the end of the stream.
	finish()
	// close closes in good order: what was written still arrives.
	close()
	// abort closes at once and forgets what the peer did not take.
	abort()
}

// chunk is a piece of input. Connections borrow one while they have something to read, so that an idle
// one holds none.
type chunk [4 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// newWire picks the leanest transport for a connection. Only a bare TCP socket can be written without
// waiting; anything wrapped, TLS above all, must be written by a goroutine of its own.
func newWire(c net.Conn) wire {
	if t, ok := c.(*net.TCPConn); ok {
		if w := newSocket(t); w != nil {
			return w
		}
	}
	return &stream{c}
}

// stream is a wire over any connection.
type stream struct{ conn net.Conn }

func (s *stream) read(take func(p []byte) error) error {
	var p [512]byte // idle connections hold it, so it is small
	n, err := s.conn.Read(p[:])
	if n > 0 {
		if err := take(p[:n]); err != nil {
			return err
		}
	}
	return err
}

func (s *stream) try([]byte) (int, error) { return 0, nil }

func (s *stream) write(b net.Buffers) error {
	for _, p := range b {
		if _, err := s.conn.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) finish() {
	if h, ok := s.conn.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite() // the peer is gone: the reader learns it, too
	}
}

func (s *stream) close() { _ = s.bare().Close() }

func (s *stream) abort() {
	c := s.bare()
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// bare gives the connection below TLS: closing TLS itself would wait for the peer to take its last record.
func (s *stream) bare() net.Conn {
	if t, ok := s.conn.(*tls.Conn); ok {
		return t.NetConn()
	}
	return s.conn
}
