package room_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// line is the way of one node to NATS, which a test can cut, and have lose what is said in rooms.
type line struct {
	t    testing.TB
	to   string
	ln   net.Listener
	work sync.WaitGroup

	mu    sync.Mutex
	open  map[net.Conn]bool
	cut   bool
	lose  int // how many of the next notes
	total int // lost so far
}

func newLine(t testing.TB, natsURL string) *line {
	t.Helper()
	u, err := url.Parse(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, to: u.Host, ln: ln, open: map[net.Conn]bool{}}
	l.work.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			l.work.Go(func() { l.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		l.sever(true)
		l.work.Wait()
	})
	return l
}

func (l *line) url() string { return "nats://" + l.ln.Addr().String() }

// sever cuts the line, or lets it be mended.
func (l *line) sever(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
	if cut {
		for c := range l.open {
			_ = c.Close()
		}
	}
}

// loseNext loses the next notes that come from NATS.
func (l *line) loseNext(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = n
}

func (l *line) lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func (l *line) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		_ = c.Close()
		return false
	}
	l.open[c] = true
	return true
}

func (l *line) carry(c net.Conn) {
	up, err := net.Dial("tcp", l.to)
	if err != nil {
		_ = c.Close()
		return
	}
	defer func() {
		l.mu.Lock()
		delete(l.open, c)
		delete(l.open, up)
		l.mu.Unlock()
		_ = c.Close()
		_ = up.Close()
	}()
	if !l.keep(c) || !l.keep(up) {
		return
	}
	l.work.Go(func() {
		_, _ = io.Copy(up, c)
		_ = up.Close()
	})
	l.down(bufio.NewReaderSize(up, 64<<10), c)
	_ = c.Close()
}

// down passes on what NATS says (docs.nats.io, "Client Protocol"), less what is to be lost.
func (l *line) down(from *bufio.Reader, to io.Writer) {
	for {
		head, err := from.ReadBytes('\n')
		if err != nil {
			return
		}
		words := strings.Fields(string(head))
		if len(words) > 3 && (words[0] == "MSG" || words[0] == "HMSG") {
			size, err := strconv.Atoi(words[len(words)-1])
			if err != nil {
				l.t.Errorf("NATS says %q", head)
				return
			}
			body := make([]byte, size+2)
			if _, err := io.ReadFull(from, body); err != nil {
				return
			}
			if strings.HasPrefix(words[1], "room.") && bytes.Contains(body, []byte(`"Type":`)) && l.loses() {
				continue
			}
			head = append(head, body...)
		}
		if _, err := to.Write(head); err != nil {
			return
		}
	}
}

func (l *line) loses() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose == 0 {
		return false
	}
	l.lose--
	l.total++
	return true
}
