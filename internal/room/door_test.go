package room_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

func TestDoorRefusesByPlainHTTP(t *testing.T) {
	n := newNode(t)
	good := n.token("ann")
	other := newWorld(t).token("ann") // signed by another server
	for _, c := range []struct {
		name, token string
		want        int
	}{
		{"garbage is unauthorized", "garbage", 401},
		{"a changed token is unauthorized", good[:len(good)-2] + "xx", 401},
		{"another server's token is unauthorized", other, 401},
		{"an expired token is unauthorized", n.token("ann", func(p *auth.ChatPass) { p.TokenExpires = n.clock.Now() }), 401},
		{"an expired session is unauthorized", n.token("ann", func(p *auth.ChatPass) { p.SessionExpires = n.clock.Now() }), 401},
		{"a room that is gone is not found", n.token("ann", func(p *auth.ChatPass) { p.RoomARN = minter.New(arn.Room) }), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, resp := n.dial(c.token)
			if conn != nil || resp.StatusCode != c.want {
				t.Fatalf("HTTP %d, want %d", resp.StatusCode, c.want)
			}
			body, _ := io.ReadAll(resp.Body)
			if strings.Contains(string(body), c.token) {
				t.Errorf("the answer repeats the token: %s", body)
			}
		})
	}
	if got := n.metric("handshakes_total", "401"); got != 5 {
		t.Errorf("handshakes refused: %v, want 5", got)
	}
}

func TestDoorEchoesTheTokenAndAgreesNoExtension(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	_, resp := n.dial(token)
	if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != token {
		t.Errorf("subprotocol %q", got)
	}
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("extensions %q", got)
	}
}

func TestTokenOpensOneConnectionOnce(t *testing.T) {
	w := newWorld(t)
	a, b := w.node(), w.node()
	token := w.token("ann")
	if c, resp := a.dial(token); c == nil {
		t.Fatalf("first use: HTTP %d", resp.StatusCode)
	}
	for _, n := range []*node{a, b} {
		if c, resp := n.dial(token); c != nil || resp.StatusCode != 401 {
			t.Errorf("another use: HTTP %d, want 401", resp.StatusCode)
		}
	}
}

func TestRefusedRoomDoesNotSpendTheToken(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	n.rooms.remove(n.room.ARN)
	if _, resp := n.dial(token); resp.StatusCode != 404 {
		t.Fatalf("HTTP %d", resp.StatusCode)
	}
	n.rooms.put(n.room)
	if c, resp := n.dial(token); c == nil {
		t.Fatalf("HTTP %d", resp.StatusCode)
	}
}

func TestHandshakeRules(t *testing.T) {
	n := newNode(t)
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		want   int
	}{
		{"a page request is told to upgrade", func(r *http.Request) { r.Header.Del("Upgrade") }, 426},
		{"no Connection: Upgrade is told to upgrade", func(r *http.Request) { r.Header.Set("Connection", "keep-alive") }, 426},
		{"an old version is told to upgrade", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") }, 426},
		{"another method is refused", func(r *http.Request) { r.Method = http.MethodPost }, 405},
		{"a short key is refused", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "c2hvcnQ=") }, 400},
		{"no token is unauthorized", func(r *http.Request) { r.Header.Del("Sec-WebSocket-Protocol") }, 401},
		{"any origin and several connection words are let in", func(r *http.Request) {
			r.Header.Set("Origin", "https://elsewhere.example")
			r.Header.Set("Connection", "keep-alive, Upgrade")
		}, 101},
		{"path and query do not matter", func(r *http.Request) { r.URL.Path, r.URL.RawQuery = "/a/b", "x=1" }, 101},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := http.NewRequest(http.MethodGet, n.srv.URL, nil)
			for k, v := range map[string]string{
				"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
				"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": n.token("ann"),
			} {
				r.Header.Set(k, v)
			}
			c.change(r)
			resp, err := n.srv.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != c.want {
				t.Fatalf("HTTP %d, want %d", resp.StatusCode, c.want)
			}
			if got := resp.Header.Get("Sec-WebSocket-Accept"); c.want == 101 && got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
				t.Errorf("accept %q, want that of RFC 6455 §1.3", got)
			}
			if c.want == 426 && resp.Header.Get("Sec-WebSocket-Version") != "13" {
				t.Error("the answer does not name the version")
			}
		})
	}
}

func TestTokenOfALateMinuteIsStillUsedOnce(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	n.clock.advance(59 * time.Second)
	if c, resp := n.dial(token); c == nil {
		t.Fatalf("HTTP %d", resp.StatusCode)
	}
	if c, _ := n.dial(token); c != nil {
		t.Fatal("the token opened a second connection")
	}
}
