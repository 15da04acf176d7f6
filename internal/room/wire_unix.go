//go:build unix

package room

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// socket is a wire over a TCP socket. It uses the descriptor directly, in the way package net allows: a
// read waits without a buffer, and a write that would wait gives up instead.
type socket struct {
	tcp *net.TCPConn
	raw syscall.RawConn

	// What readable found, for the reading goroutine.
	in    *chunk
	inLen int
	inErr error

	// What writable shall write, and how that went; for whoever calls try.
	out    []byte
	outLen int
	outErr error

	onRead, onWrite func(fd uintptr) bool // made once, so that neither direction allocates
}

func newSocket(t *net.TCPConn) wire {
	raw, err := t.SyscallConn()
	if err != nil {
		return nil
	}
	_ = t.SetWriteBuffer(sendBuffer) // a wish: without it, slow peers cost more before they are dropped
	s := &socket{tcp: t, raw: raw}
	s.onRead, s.onWrite = s.readable, s.writable
	return s
}

func (s *socket) read(take func(p []byte) error) error {
	if err := s.raw.Read(s.onRead); err != nil {
		return err
	}
	in := s.in
	s.in = nil
	err := s.inErr
	if err == nil {
		err = take(in[:s.inLen])
	}
	chunks.Put(in)
	return err
}

// readable is called with a descriptor that may be readable; false means: wait and call again.
func (s *socket) readable(fd uintptr) bool {
	in := chunks.Get().(*chunk)
	for {
		n, err := syscall.Read(int(fd), in[:])
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			chunks.Put(in)
			return false
		case err == nil && n == 0:
			err = io.EOF
		}
		s.in, s.inLen, s.inErr = in, n, err
		return true
	}
}

func (s *socket) try(b []byte) (int, error) {
	s.out, s.outLen, s.outErr = b, 0, nil
	err := s.raw.Write(s.onWrite)
	s.out = nil
	if err == nil {
		err = s.outErr
	}
	return s.outLen, err
}

// writable writes once and never asks to wait.
func (s *socket) writable(fd uintptr) bool {
	for {
		n, err := syscall.Write(int(fd), s.out)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return true
		case err != nil:
			s.outErr = err
			return true
		}
		s.outLen = n
		return true
	}
}

func (s *socket) write(b net.Buffers) error {
	_, err := b.WriteTo(s.tcp)
	return err
}

func (s *socket) finish() { _ = s.tcp.CloseWrite() } // the peer is gone: the reader learns it, too

func (s *socket) close() { _ = s.tcp.Close() }

func (s *socket) abort() {
	_ = s.tcp.SetLinger(0)
	_ = s.tcp.Close()
}
