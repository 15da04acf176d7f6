package site

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lxzan/gws"
)

// hearing is a page that writes down what it hears, and when.
type hearing struct {
	gws.BuiltinEventHandler
	start time.Time
	lines []string
	code  uint16
}

func (h *hearing) OnMessage(_ *gws.Conn, m *gws.Message) {
	h.lines = append(h.lines, time.Since(h.start).String()+" "+m.Data.String())
	_ = m.Close()
}

func (h *hearing) OnClose(_ *gws.Conn, err error) {
	if e, ok := err.(*gws.CloseError); ok {
		h.code = e.Code
	}
}

// pipe is a live feed's socket, being served, and the page at its other end. It ends with end.
func pipe(t *testing.T, page *hearing) (s *socket, end func()) {
	t.Helper()
	here, there := net.Pipe()
	served := make(chan struct{})
	s = newSocket(nil)
	go func() {
		defer close(served)
		br := bufio.NewReader(here)
		r, err := http.ReadRequest(br)
		if err != nil {
			t.Error(err)
			return
		}
		conn, err := gws.NewUpgrader(liveEvents{}, nil).UpgradeFromConn(here, br, r)
		if err != nil {
			t.Error(err)
			return
		}
		go conn.ReadLoop()
		s.write(conn)
	}()
	conn, _, err := gws.NewClientFromConn(page, &gws.ClientOption{Addr: "ws://tv.example/api/live"}, there)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() { defer close(read); conn.ReadLoop() }()
	return s, func() {
		s.close()
		<-served
		<-read
	}
}

func TestAQuietFeedSaysThatItIsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := &hearing{start: time.Now()}
		s, end := pipe(t, page)
		<-time.After(pingEvery + pingEvery/2)
		s.offer("ada", []byte("card"))
		<-time.After(pingEvery)
		end()
		want := []string{`25s {"type":"alive"}`, `37.5s card`, `50s {"type":"alive"}`}
		if !slices.Equal(page.lines, want) || page.code != 1001 {
			t.Errorf("the page heard\n%s\nand was closed with %d", strings.Join(page.lines, "\n"), page.code)
		}
	})
}
