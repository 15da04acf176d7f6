package rtc

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
)

const (
	solUDP     = 17
	udpSegment = 103 // linux/udp.h
)

// newSegmenter gives nil when the kernel has no UDP GSO (before Linux 4.18).
func newSegmenter(c *net.UDPConn) *segmenter {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		_, failed = syscall.GetsockoptInt(int(fd), solUDP, udpSegment)
	})
	if err != nil || failed != nil {
		return nil
	}
	return &segmenter{conn: c}
}

// send sends b cut into packets of size bytes; the last may be smaller. It gives false when the caller
// must send them one by one.
func (s *segmenter) send(b []byte, size int, to netip.AddrPort) bool {
	if s.off.Load() {
		return false
	}
	var control [24]byte // CMSG_SPACE(2)
	binary.NativeEndian.PutUint64(control[0:], uint64(syscall.CmsgLen(2)))
	binary.NativeEndian.PutUint32(control[8:], solUDP)
	binary.NativeEndian.PutUint32(control[12:], udpSegment)
	binary.NativeEndian.PutUint16(control[16:], uint16(size))
	_, _, err := s.conn.WriteMsgUDPAddrPort(b, control[:syscall.CmsgSpace(2)], to)
	if err == nil {
		return true
	}
	if errors.Is(err, syscall.EIO) { // the device cannot compute the checksums
		s.off.Store(true)
	}
	return false
}
