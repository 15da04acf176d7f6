package ingest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
)

const (
	handshakeVersion = 3
	handshakeSize    = 1536 // bytes of C1, S1, C2 and S2
)

// answerHandshake does the server's part of the simple handshake (section 5.2 of the RTMP specification).
// Clients that send a digest in C1 take the plain answer, too: it tells them so by its zero version.
func answerHandshake(src *source, write func([]byte) error) error {
	c0, err := src.peek(1)
	if err != nil {
		return err
	}
	switch v := c0[0]; {
	case v == 6 || v == 8 || v == 9:
		return badBytes("the encrypted handshake of RTMPE is not supported")
	case v != handshakeVersion:
		return badBytes("this is not RTMP")
	}
	src.skip(1)
	// S0, S1 and S2 in one write; S2 echoes C1.
	reply := make([]byte, 1+2*handshakeSize)
	reply[0] = handshakeVersion
	fillRandom(reply[9 : 1+handshakeSize])
	if err := src.full(reply[1+handshakeSize:]); err != nil {
		return err
	}
	if err := write(reply); err != nil {
		return err
	}
	// C2 should echo S1, but clients with a digest send something else: it is not looked at.
	return src.full(reply[:handshakeSize])
}

// makeHandshake does the client's part.
func makeHandshake(src *source, w io.Writer) error {
	hello := make([]byte, 1+handshakeSize)
	hello[0] = handshakeVersion
	fillRandom(hello[9:])
	if _, err := w.Write(hello); err != nil {
		return err
	}
	reply := make([]byte, 1+2*handshakeSize)
	if err := src.full(reply); err != nil {
		return err
	}
	if reply[0] != handshakeVersion {
		return badBytes("the server does not speak RTMP")
	}
	_, err := w.Write(reply[1 : 1+handshakeSize])
	return err
}

// fillRandom fills b with bytes that need not be secret.
func fillRandom(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, rand.Uint64())
	}
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
}
