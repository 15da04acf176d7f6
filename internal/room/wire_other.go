//go:build !unix

package room

import "net"

// newSocket has nothing better than stream to offer on this system.
func newSocket(*net.TCPConn) wire { return nil }
