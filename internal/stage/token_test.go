package stage_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
)

// The row of bad tokens, at each door.
func TestBadTokenOpensNoDoor(t *testing.T) {
	n := newNode(t)
	n.publish(n.token("host"))
	stranger := newSeats(t) // another server's key, so another kid
	other := n.newStage()
	deleted := n.newStage()
	n.directory.set(deleted, false)
	check(t, n.m.Disconnect(t.Context(), n.stage, "revoked", "test"))
	seat := func(change func(*auth.Seat)) string { return n.token("guest", change) }
	good := n.token("guest")
	parts := strings.Split(good, ".")
	foreign, err := stranger.Mint(auth.Seat{
		ParticipantID: "guest", StageARN: n.stage, StageID: arn.ID(n.stage), Publish: true, Subscribe: true,
		Issued: time.Now(), Expires: time.Now().Add(time.Hour),
	})
	check(t, err)
	const publish, subscribe, socket = 1, 2, 4
	const all = publish | subscribe | socket
	for _, c := range []struct {
		name, token string
		doors       int
		status      int
		code        string
	}{
		{"malformed", "a.b.c", all, 401, "TOKEN_MALFORMED"},
		{"with a broken signature", parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), all, 401, "TOKEN_MALFORMED"},
		{"of a key that is not ours", foreign, all, 401, "TOKEN_MALFORMED"},
		{"expired", seat(func(s *auth.Seat) { s.Expires = time.Now().Add(-time.Second) }), all, 401, "TOKEN_EXPIRED"},
		{"of another account", seat(func(s *auth.Seat) { s.StageARN = strings.Replace(s.StageARN, "000000000000", "111111111111", 1) }), all, 403, "TOKEN_NOT_ALLOWED"},
		{"whose topic is another stage", seat(func(s *auth.Seat) { s.StageID = arn.ID(other) }), all, 403, "TOKEN_NOT_ALLOWED"},
		{"without the capability to publish", seat(func(s *auth.Seat) { s.Publish = false }), publish, 403, "TOKEN_NOT_ALLOWED"},
		{"without the capability to subscribe", seat(func(s *auth.Seat) { s.Subscribe = false }), subscribe, 403, "TOKEN_NOT_ALLOWED"},
		{"of another stage than the address", seat(func(s *auth.Seat) { s.StageARN, s.StageID = other, arn.ID(other) }), socket, 403, "TOKEN_NOT_ALLOWED"},
		{"of another stage than the publisher", seat(func(s *auth.Seat) { s.StageARN, s.StageID = other, arn.ID(other) }), subscribe, 404, "PARTICIPANT_NOT_FOUND"},
		{"revoked", n.token("revoked"), all, 403, "PARTICIPANT_DISCONNECTED"},
		{"of a deleted stage", seat(func(s *auth.Seat) { s.StageARN, s.StageID = deleted, arn.ID(deleted) }), publish | subscribe, 404, "STAGE_DELETED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.doors&publish != 0 {
				_, err := n.m.Publish(t.Context(), request(c.token, ""))
				wantRefusal(t, err, c.status, c.code)
				_, err = n.m.Know(t.Context(), c.token, false)
				wantRefusal(t, err, c.status, c.code)
			}
			if c.doors&subscribe != 0 {
				_, err := n.m.Subscribe(t.Context(), request(c.token, "host"))
				wantRefusal(t, err, c.status, c.code)
				if c.code != "PARTICIPANT_NOT_FOUND" { // whom one would watch is not asked about
					_, err = n.m.Know(t.Context(), c.token, true)
					wantRefusal(t, err, c.status, c.code)
				}
			}
			if c.doors&socket != 0 {
				ws, resp := n.dial(n.stage, c.token)
				if ws == nil {
					t.Fatalf("HTTP %d, which a page cannot see", resp.StatusCode)
				}
				if f := ws.wantEnd(4003); f.Type != "ERROR" || f.Payload.Code != c.code || f.Payload.Message == "" {
					t.Errorf("socket: %+v", f)
				}
			}
		})
	}
	ws, _ := n.dial(deleted, seat(func(s *auth.Seat) { s.StageARN, s.StageID = deleted, arn.ID(deleted) }))
	if f := ws.wantEnd(4003); f.Payload.Code != "STAGE_DELETED" {
		t.Errorf("socket of a deleted stage: %+v", f)
	}
	if n.m.Stages() != 1 || n.metric("participants") != 1 {
		t.Errorf("a bad token left something: %d stages, %v participants", n.m.Stages(), n.metric("participants"))
	}
	if h := n.history("guest"); h != nil {
		t.Errorf("a bad token made history: %v", h)
	}
}

func TestHandshakeThatIsNoneIsAnsweredClearly(t *testing.T) {
	n := newNode(t)
	url := n.srv.URL + "/stage-events/" + arn.ID(n.stage)
	for _, c := range []struct {
		name, method, token string
		upgrade             bool
		status              int
		code                string
	}{
		{"an ordinary GET", "GET", "", false, 426, ""},
		{"a POST", "POST", "", true, 405, ""},
		{"without a token", "GET", "", true, 401, "TOKEN_MALFORMED"},
		{"with a token of 64 KB", "GET", strings.Repeat("x", 64<<10), true, 401, "TOKEN_MALFORMED"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, url, nil)
		check(t, err)
		if c.upgrade {
			for k, v := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="} {
				req.Header.Set(k, v)
			}
		}
		if c.token != "" {
			req.Header.Set("Sec-WebSocket-Protocol", c.token)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		check(t, err)
		var problem struct {
			Status       int
			Detail, Code string
		}
		text, err := io.ReadAll(resp.Body)
		check(t, err)
		check(t, resp.Body.Close())
		check(t, json.Unmarshal(text, &problem))
		if resp.StatusCode != c.status || problem.Status != c.status || problem.Code != c.code || problem.Detail == "" ||
			resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %d %s %s", c.name, resp.StatusCode, resp.Header.Get("Content-Type"), text)
		}
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
