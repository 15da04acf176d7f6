package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// visitor is somebody's browser, behind a proxy that says where they come from.
type visitor struct {
	http.Client
	t    *testing.T
	e    *enginetest.Engine
	from string
}

func visit(t *testing.T, e *enginetest.Engine, from string) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{http.Client{Jar: jar}, t, e, from}
}

// ask calls the web app and wants a status.
func (v *visitor) ask(want int, method, path string, body any) map[string]any {
	v.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		v.t.Fatal(err)
	}
	if body == nil {
		text = nil
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.e.URL+"/api/"+path, bytes.NewReader(text))
	if err != nil {
		v.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("X-Forwarded-For", v.from)
	resp, err := v.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if resp.StatusCode != want {
		v.t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, answer, want)
	}
	var out map[string]any
	_ = json.Unmarshal(answer, &out)
	return out
}

func (v *visitor) token(want int) map[string]any {
	v.t.Helper()
	return v.ask(want, "POST", "channels/ada/chat-token", map[string]any{})
}

// open enters the chat with a token; without success it gives none, and the HTTP status.
func (v *visitor) open(token any) (*websocket.Conn, int) {
	v.t.Helper()
	ws, resp, err := websocket.Dial(v.t.Context(), "ws"+strings.TrimPrefix(v.e.URL, "http"), &websocket.DialOptions{Subprotocols: []string{token.(string)}})
	if resp == nil {
		v.t.Fatal(err)
	}
	if err == nil {
		v.t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, resp.StatusCode
}

// A banned person, and a banned guest, are refused whatever they ask with: a page, or a program that keeps no cookie.
func TestWhoIsBannedGetsNoToken(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.TrustedProxies = "127.0.0.1" })
	ada, bob := visit(t, e, "192.0.2.1"), visit(t, e, "192.0.2.2")
	for name, v := range map[string]*visitor{"ada": ada, "bob": bob} {
		v.ask(http.StatusCreated, "POST", "register", map[string]string{"username": name, "password": "correct horse"})
	}
	passed, kept := bob.token(http.StatusOK), bob.token(http.StatusOK)
	ws, _ := bob.open(passed["token"])
	stranger := visit(t, e, "203.0.113.7")
	guest := stranger.token(http.StatusOK)

	stranger.ask(http.StatusUnauthorized, "POST", "channels/ada/chat/bans", map[string]any{"userId": passed["userId"]})
	bob.ask(http.StatusForbidden, "POST", "channels/ada/chat/bans", map[string]any{"userId": guest["userId"]})
	ada.ask(http.StatusBadRequest, "POST", "channels/ada/chat/bans", map[string]any{})
	ada.ask(http.StatusCreated, "POST", "channels/ada/chat/bans", map[string]any{"userId": passed["userId"], "reason": "spam"})
	ada.ask(http.StatusCreated, "POST", "channels/ada/chat/bans", map[string]any{"userId": guest["userId"], "name": guest["displayName"], "seconds": 3600})

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var err error
	for err == nil {
		_, _, err = ws.Read(ctx)
	}
	if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("the banned person's connection ends with %v", err)
	}
	if refused := bob.token(http.StatusForbidden)["error"].(map[string]any); refused["code"] != "banned" {
		t.Errorf("refused: %v", refused)
	}
	if _, status := bob.open(kept["token"]); status != http.StatusForbidden {
		t.Errorf("a token from before the ban is answered %d", status)
	}
	stranger.token(http.StatusForbidden)
	visit(t, e, "203.0.113.7").token(http.StatusForbidden) // without the cookie, from the same network
	visit(t, e, "203.0.113.8").token(http.StatusOK)
	stranger.from = "203.0.113.8"
	stranger.token(http.StatusForbidden) // with the cookie, from elsewhere

	bans := ada.ask(http.StatusOK, "GET", "channels/ada/chat/bans", nil)["bans"].([]any)
	if len(bans) != 2 || bans[1].(map[string]any)["name"] != "bob" {
		t.Errorf("bans: %v", bans)
	}
	entries := ada.ask(http.StatusOK, "GET", "channels/ada/chat/log", nil)["entries"].([]any)
	if len(entries) != 2 {
		t.Fatalf("log: %v", entries)
	}
	ada.ask(http.StatusNoContent, "POST", "channels/ada/chat/log/"+entries[0].(map[string]any)["id"].(string)+"/undo", map[string]any{})
	stranger.token(http.StatusOK)
	ada.ask(http.StatusNoContent, "DELETE", "channels/ada/chat/bans/"+passed["userId"].(string), nil)
	again := bob.token(http.StatusOK)
	if _, status := bob.open(again["token"]); status != http.StatusSwitchingProtocols {
		t.Errorf("after the ban was lifted: %d", status)
	}

	// The rest of what keeps order reaches the room, too.
	ada.ask(http.StatusOK, "PUT", "channels/ada/chat/moderators/bob", map[string]any{})
	modes := bob.ask(http.StatusOK, "PATCH", "channels/ada/chat/modes", map[string]any{"slowMode": 30, "noGuests": true})
	if modes["slowMode"] != 30.0 || modes["noGuests"] != true {
		t.Errorf("modes: %v", modes)
	}
	ada.ask(http.StatusConflict, "PATCH", "channels/ada/chat/modes", map[string]any{"followersOnly": true})
	bob.ask(http.StatusOK, "PUT", "channels/ada/chat/pinned", map[string]any{"messageId": "AYk6xKitV4On", "content": "rules", "userId": passed["userId"]})
	state := stranger.ask(http.StatusOK, "GET", "channels/ada/chat", nil)
	if state["slowMode"] != 30.0 || state["role"] != "guest" || state["pinned"].(map[string]any)["content"] != "rules" {
		t.Errorf("state: %v", state)
	}
	quiet, _ := stranger.open(stranger.token(http.StatusOK)["token"])
	if err := quiet.Write(ctx, websocket.MessageText, []byte(`{"Action":"SEND_MESSAGE","RequestId":"r","Content":"hello"}`)); err != nil {
		t.Fatal(err)
	}
	if _, frame, err := quiet.Read(ctx); err != nil || !strings.Contains(string(frame), `"ErrorCode":403`) {
		t.Errorf("a guest writes where none may: %s %v", frame, err)
	}
	bob.ask(http.StatusNoContent, "POST", "channels/ada/chat/delete", map[string]any{"messageId": "AYk6xKitV4On"})
	if state := stranger.ask(http.StatusOK, "GET", "channels/ada/chat", nil); state["pinned"] != nil {
		t.Errorf("a deleted message is pinned: %v", state)
	}
}
