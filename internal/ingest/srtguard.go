package ingest

import (
	"reflect"
	"syscall"

	srt "github.com/datarhei/gosrt"
)

// What gosrt leaves open to a peer is shut here.

// srtReceiveBuffer is what the socket may hold while we are busy; the system may give less.
const srtReceiveBuffer = 4 << 20

// ownPort makes a port belong to one server: gosrt would let a second process bind it, too, and take half of
// the packets.
func ownPort(_, _ string, c syscall.RawConn) error {
	var err error
	outer := c.Control(func(fd uintptr) {
		if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 0); err == nil {
			err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, srtReceiveBuffer)
		}
	})
	if outer != nil {
		return outer
	}
	return err
}

// nextRequest waits for a caller. The request is nil if there was one whose handshake gosrt stumbled over:
// it reads them here, in our goroutine, and panics on extensions that are cut short.
func nextRequest(ln srt.Listener) (req srt.ConnRequest, err error) {
	defer func() {
		if recover() != nil {
			req, err = nil, nil
		}
	}()
	return ln.Accept2()
}

// unlock tries a passphrase. What a caller sends as its key is hostile, too.
func unlock(req srt.ConnRequest, passphrase string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return req.SetPassphrase(passphrase) == nil
}

// plausible tells whether the caller announced packets of a possible size. gosrt allocates a buffer of what
// is left of it without headers, which wraps around to 4 GiB, and shows the number to nobody.
func plausible(req srt.ConnRequest) bool {
	v := reflect.ValueOf(req)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return false
	}
	size := v.Elem().FieldByName("config").FieldByName("PayloadSize").Uint()
	return size >= srt.MIN_PAYLOAD_SIZE && size <= srt.MAX_PAYLOAD_SIZE
}
