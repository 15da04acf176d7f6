//go:build !linux

package rtc

import (
	"net"
	"net/netip"
)

func newSegmenter(*net.UDPConn) *segmenter { return nil }

func (s *segmenter) send([]byte, int, netip.AddrPort) bool { return false }
