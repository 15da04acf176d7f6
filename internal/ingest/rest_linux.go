package ingest

import "syscall"

// hasLowWater tells whether poll heeds SO_RCVLOWAT: Linux does, for TCP. It grows the receive buffer for it.
const hasLowWater = true

func setLowWater(fd uintptr, n int) error {
	return syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, n)
}

// pending tells whether a socket has something to read, its peer's end included.
func pending(fd uintptr) bool {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	return err != syscall.EAGAIN
}
