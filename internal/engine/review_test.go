package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// What somebody says in a channel's chat is judged by the rules that its owner has set, on the way through the web
// app's own hook.
func TestChatIsReviewedByTheWebApp(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.ChatReviewTimeout = "10s" })
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	ada := &http.Client{Jar: jar}
	ask := func(who *http.Client, method, path, body string, out any) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, e.URL+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := who.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode/100 != 2 {
			t.Fatalf("%s %s = %s", method, path, res.Status)
		}
		if err := json.NewDecoder(res.Body).Decode(out); err != nil {
			t.Fatal(err)
		}
	}
	var ignored any
	ask(ada, "POST", "/api/register", `{"username":"ada","password":"correct horse"}`, &ignored)
	ask(ada, "PUT", "/api/channels/ada/chat-rules", `{"blockedWords":["darn"],"links":"deny"}`, &ignored)
	var pass struct{ Token string }
	ask(http.DefaultClient, "POST", "/api/channels/ada/chat-token", `{}`, &pass)

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(e.URL, "http"), &websocket.DialOptions{Subprotocols: []string{pass.Token}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	say := func(text string) (answer struct {
		Type, Content, ErrorMessage string
		ErrorCode                   int
	},
	) {
		t.Helper()
		if err := ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"Action":"SEND_MESSAGE","Content":%q}`, text)); err != nil {
			t.Fatal(err)
		}
		_, frame, err := ws.Read(ctx)
		if err == nil {
			err = json.Unmarshal(frame, &answer)
		}
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if got := say("hello"); got.Type != "MESSAGE" || got.Content != "hello" {
		t.Errorf("got %+v", got)
	}
	for _, text := range []string{"D4RN", "see example.com"} {
		if got := say(text); got.Type != "ERROR" || got.ErrorCode != 406 || !strings.HasSuffix(got.ErrorMessage, ".") {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}
