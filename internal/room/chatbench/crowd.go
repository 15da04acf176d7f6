// Package chatbench is a crowd of WebSocket listeners and a speaker, made to cost little beside the server that they load.
// It speaks to any server whose messages carry the text they were sent with. It is for benchmarks.
package chatbench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Door is how one gets into the room of a server.
type Door struct {
	Addr   string // TCP
	Path   string // of the handshake
	Ticket func(n int) (subprotocol string, err error)
	Hello  []string                           // text frames that join the room, after the handshake; an answer to each is awaited
	Say    func(n int, text string) []byte    // the frame's payload that says a text; n counts from 1
	Echo   func(payload []byte) (pong []byte) // what an application ping is answered with; nil: payload is none
}

const (
	mark    = "at=" // before the time of sending, in every text
	sampled = 20    // every so many-th listener notes how late messages are
	digits  = 19    // of a time in nanoseconds
)

// Crowd are members of a room who listen, and one who speaks.
type Crowd struct {
	door    Door
	members []*member
	said    int
	work    sync.WaitGroup
	gone    atomic.Int64
}

type member struct {
	crowd *Crowd
	conn  net.Conn
	heard atomic.Int64
	notes bool

	mu   sync.Mutex
	late []time.Duration
}

// Join has size members join, some at once.
func Join(ctx context.Context, d Door, size int) (*Crowd, error) {
	c := &Crowd{door: d, members: make([]*member, size)}
	var next atomic.Int64
	failed := make(chan error, 16)
	for range cap(failed) {
		go func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= size || ctx.Err() != nil {
					failed <- ctx.Err()
					return
				}
				m, err := c.join(ctx, n)
				if err != nil {
					failed <- fmt.Errorf("member %d: %w", n, err)
					return
				}
				c.members[n] = m
			}
		}()
	}
	var err error
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	if err != nil {
		c.Leave()
		return nil, err
	}
	return c, nil
}

func (c *Crowd) join(ctx context.Context, n int) (*member, error) {
	ticket, err := c.door.Ticket(n)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", c.door.Addr)
	if err != nil {
		return nil, err
	}
	m := &member{crowd: c, conn: conn, notes: n%sampled == 0}
	if err := m.shake(ticket); err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

// shake does the handshake, joins, and has what comes then read.
func (m *member) shake(ticket string) error {
	_ = m.conn.SetDeadline(time.Now().Add(10 * time.Second))
	head := "GET " + m.crowd.door.Path + " HTTP/1.1\r\nHost: " + m.crowd.door.Addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if ticket != "" {
		head += "Sec-WebSocket-Protocol: " + ticket + "\r\n"
	}
	if _, err := io.WriteString(m.conn, head+"\r\n"); err != nil {
		return err
	}
	br := bufio.NewReader(m.conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake: %s", resp.Status)
	}
	for _, text := range m.crowd.door.Hello {
		if _, err := m.conn.Write(Frame([]byte(text))); err != nil {
			return err
		}
		if answer, err := readFrame(br); err != nil || strings.Contains(string(answer), `"error"`) {
			return fmt.Errorf("%s was answered with %s: %w", text, answer, err)
		}
	}
	_ = m.conn.SetDeadline(time.Time{})
	early, _ := br.Peek(br.Buffered())
	m.crowd.work.Go(func() { m.listen(slices.Clone(early)) })
	return nil
}

// Frame makes a client's text frame; its mask is zero.
func Frame(payload []byte) []byte {
	f := []byte{0x81}
	if n := len(payload); n < 126 {
		f = append(f, 0x80|byte(n))
	} else {
		f = binary.BigEndian.AppendUint16(append(f, 0x80|126), uint16(n))
	}
	return append(append(f, 0, 0, 0, 0), payload...)
}

// Speak says texts of this length for a while, so many a second, whether or not they are heard. It gives how many.
func (c *Crowd) Speak(ctx context.Context, perSecond, length int, d time.Duration) (said int, err error) {
	speaker := c.members[0]
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for now := began; now.Sub(began) < d; {
		due := int(now.Sub(began).Seconds()*float64(perSecond)) + 1
		var frames []byte
		for ; said < due; said++ {
			c.said++
			text := fmt.Sprintf("%s%0*d;%s", mark, digits, time.Now().UnixNano(), strings.Repeat("x", length-len(mark)-digits-1))
			frames = append(frames, Frame(c.door.Say(c.said, text))...)
		}
		if _, err := speaker.conn.Write(frames); err != nil {
			return said, err
		}
		select {
		case <-ctx.Done():
			return said, ctx.Err()
		case now = <-tick.C:
		}
	}
	return said, nil
}

// Heard gives how many texts arrived so far, all members together.
func (c *Crowd) Heard() (n int64) {
	for _, m := range c.members {
		n += m.heard.Load()
	}
	return n
}

// Gone gives how many members the server has cut.
func (c *Crowd) Gone() int64 { return c.gone.Load() }

// Late gives, and forgets, how long texts took.
func (c *Crowd) Late() (all []time.Duration) {
	for _, m := range c.members {
		m.mu.Lock()
		all = append(all, m.late...)
		m.late = m.late[:0]
		m.mu.Unlock()
	}
	return all
}

// Leave ends all connections.
func (c *Crowd) Leave() {
	for _, m := range c.members {
		if m != nil {
			m.conn.Close()
		}
	}
	c.work.Wait()
}
