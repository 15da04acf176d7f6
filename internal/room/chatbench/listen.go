package chatbench

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"time"
)

// listen reads until the connection ends. Between its frames nothing is copied or parsed but by every so many-th member.
func (m *member) listen(early []byte) {
	defer m.crowd.gone.Add(1)
	buf := make([]byte, 16<<10)
	n := copy(buf, early)
	for {
		used := m.take(buf[:n], time.Now())
		n = copy(buf, buf[used:n])
		if n == len(buf) {
			buf = append(buf, make([]byte, len(buf))...)
		}
		got, err := m.conn.Read(buf[n:])
		if err != nil {
			return
		}
		n += got
	}
}

// take counts the texts of the whole frames in b and answers pings. It gives how many bytes it used.
func (m *member) take(b []byte, now time.Time) (used int) {
	for {
		op, payload, size := cut(b[used:])
		if size == 0 {
			return used
		}
		used += size
		switch {
		case op == 9:
			pong := Frame(payload)
			pong[0] = 0x8a
			_, _ = m.conn.Write(pong)
		case op == 1:
			if m.crowd.door.Echo != nil {
				if pong := m.crowd.door.Echo(payload); pong != nil {
					_, _ = m.conn.Write(Frame(pong))
					continue
				}
			}
			m.count(payload, now)
		}
	}
}

func (m *member) count(payload []byte, now time.Time) {
	if !m.notes {
		m.heard.Add(int64(bytes.Count(payload, []byte(mark))))
		return
	}
	for {
		at := bytes.Index(payload, []byte(mark))
		if at < 0 || len(payload) < at+len(mark)+digits {
			return
		}
		payload = payload[at+len(mark):]
		if sent, err := strconv.ParseInt(string(payload[:digits]), 10, 64); err == nil {
			m.heard.Add(1)
			m.mu.Lock()
			m.late = append(m.late, now.Sub(time.Unix(0, sent)))
			m.mu.Unlock()
		}
	}
}

// cut gives the first frame of b, as servers send them; its size is 0 while it is not whole.
func cut(b []byte) (op byte, payload []byte, size int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	head, n := 2, int(b[1]&0x7f)
	switch n {
	case 126:
		head = 4
	case 127:
		head = 10
	}
	if len(b) < head {
		return 0, nil, 0
	}
	switch head {
	case 4:
		n = int(binary.BigEndian.Uint16(b[2:]))
	case 10:
		n = int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(b) < head+n {
		return 0, nil, 0
	}
	return b[0] & 0x0f, b[head : head+n], head + n
}

// readFrame waits for one frame.
func readFrame(r *bufio.Reader) ([]byte, error) {
	for size := 2; ; size++ {
		b, err := r.Peek(size)
		if err != nil {
			return nil, err
		}
		if _, payload, used := cut(b); used > 0 {
			payload = bytes.Clone(payload)
			_, err := io.CopyN(io.Discard, r, int64(used))
			return payload, err
		}
	}
}
