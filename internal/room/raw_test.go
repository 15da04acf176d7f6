package room_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// rawClient speaks WebSocket by hand, to do what libraries do not.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

func (n *node) rawJoin(user string) *rawClient {
	n.t.Helper()
	return n.rawDial(n.token(user), nil)
}

// rawDial connects and sends the bytes of early in one piece with the handshake.
func (n *node) rawDial(token string, early []byte) *rawClient {
	n.t.Helper()
	c := n.rawVisit(token, early)
	n.t.Cleanup(func() { _ = c.conn.Close() })
	return c
}

// rawVisit is rawDial for thousands: the caller closes the connection, the test does not remember it.
func (n *node) rawVisit(token string, early []byte) *rawClient {
	n.t.Helper()
	conn, err := net.Dial("tcp", n.srv.Listener.Addr().String())
	if err != nil {
		n.t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		n.t.Fatal(err)
	}
	c := &rawClient{n.t, conn, bufio.NewReader(conn)}
	hello := "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: " + token + "\r\n\r\n"
	if _, err := conn.Write(append([]byte(hello), early...)); err != nil {
		n.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.br, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		n.t.Fatalf("HTTP %d", resp.StatusCode)
	}
	return c
}

// masked makes a client's frame; first is the byte with FIN and opcode.
func masked(first byte, payload []byte) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n <= 125:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [4]byte{1, 2, 3, 4}
	b = append(b, mask[:]...)
	for i, p := range payload {
		b = append(b, p^mask[i&3])
	}
	return b
}

func (c *rawClient) writeFrame(first byte, payload []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(masked(first, payload)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *rawClient) readFrame() (op byte, payload []byte) {
	c.t.Helper()
	op, payload, err := c.tryFrame()
	if err != nil {
		c.t.Fatal(err)
	}
	return op, payload
}

func (c *rawClient) tryFrame() (op byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		var long [2]byte
		if _, err := io.ReadFull(c.br, long[:]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(long[:]))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.br, payload)
	return head[0] & 0x0f, payload, err
}
