package stage_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/stage"
)

// exchange has a client exchange its token, and gives the code of the refusal; empty if there is none.
func (c *client) exchange(token string) (code string) {
	c.t.Helper()
	payload, err := json.Marshal(map[string]any{"type": "EXCHANGE_TOKEN", "payload": map[string]string{"token": token}})
	check(c.t, err)
	c.send(string(payload))
	f := c.read()
	for f.Type != "TOKEN_EXCHANGED" && f.Type != "TOKEN_EXCHANGE_REFUSED" {
		f = c.read()
	}
	if (f.Type == "TOKEN_EXCHANGED") != (f.Payload.Code == "") {
		c.t.Errorf("%s has code %q", f.Type, f.Payload.Code)
	}
	return f.Payload.Code
}

func TestTokenIsExchangedForAnother(t *testing.T) {
	n := newNode(t)
	c, watched := n.join(n.token("ann")), n.join(n.token("bob"))
	ann := n.publish(n.token("ann"))
	bob := n.publish(n.token("bob"))
	watching := n.subscribe(n.token("ann"), "bob")
	watched.until(func() bool { return watched.here["ann"].IsPublishing })

	other := n.token("ann", func(s *auth.Seat) {
		s.UserID, s.Attributes, s.Publish = "countess", map[string]string{"role": "guest"}, false
	})
	if code := c.exchange(other); code != "" {
		t.Fatalf("refused: %s", code)
	}
	for _, one := range []*client{c, watched} {
		one.until(func() bool { return one.here["ann"].UserID == "countess" && !one.here["ann"].IsPublishing })
		if p := one.here["ann"]; !slices.Equal(p.Capabilities, []string{"subscribe"}) || p.Attributes["role"] != "guest" || p.Attributes["username"] != "" {
			t.Errorf("told of: %+v", p)
		}
	}
	eventually(t, "publishing has ended", func() bool { return !ann.open() })
	if !watching.open() || !bob.open() {
		t.Error("what is still allowed has ended, or what is another's")
	}
	n.written()
	if diff := cmp.Diff([]string{"JOINED", "PUBLISH_STARTED", "SUBSCRIBE_STARTED bob", "TOKEN_EXCHANGED", "PUBLISH_STOPPED"}, n.history("ann")); diff != "" {
		t.Errorf("history:\n%s", diff)
	}
	if row := n.row("ann"); row.UserID != "countess" || !strings.Contains(string(row.Doc), `"role":"guest"`) {
		t.Errorf("kept: %+v", row)
	}
	session := n.m.ActiveSession(n.stage)
	events, _, err := n.db.StageEvents(t.Context(), n.stage, session, "ann", 10, nil)
	check(t, err)
	type kept struct {
		UserID             string
		Attributes         map[string]string
		Publish, Subscribe bool
		Expires            time.Time
	}
	for _, e := range events {
		if e.Name != "TOKEN_EXCHANGED" {
			if e.PreviousToken != "" || e.NewToken != "" {
				t.Errorf("%s has tokens", e.Name)
			}
			continue
		}
		var previous, next kept
		check(t, json.Unmarshal([]byte(e.PreviousToken), &previous))
		check(t, json.Unmarshal([]byte(e.NewToken), &next))
		if previous.UserID != "user-ann" || previous.Attributes["username"] != "ann" || !previous.Publish || !previous.Subscribe || previous.Expires.IsZero() {
			t.Errorf("previous: %+v", previous)
		}
		if next.UserID != "countess" || next.Attributes["role"] != "guest" || next.Publish || !next.Subscribe || next.Expires.IsZero() {
			t.Errorf("new: %+v", next)
		}
	}
}

func TestTokenThatEndsSubscribing(t *testing.T) {
	n := newNode(t)
	n.publish(n.token("bob"))
	c := n.join(n.token("ann"))
	one := n.subscribe(n.token("ann"), "bob")
	if code := c.exchange(n.token("ann", func(s *auth.Seat) { s.Subscribe = false })); code != "" {
		t.Fatalf("refused: %s", code)
	}
	eventually(t, "subscribing has ended", func() bool { return !one.open() })
}

func TestTokensAreExchangedOnceInASecond(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	n := newNode(t, func(d *stage.Deps) { d.Now = func() time.Time { return time.Unix(0, now.Load()) } })
	c := n.join(n.token("ann"))
	for _, want := range []string{"", "TOKEN_EXCHANGE_FAILED"} {
		if code := c.exchange(n.token("ann")); code != want {
			t.Errorf("%q, want %q", code, want)
		}
	}
	now.Add(int64(time.Second))
	if code := c.exchange(n.token("ann")); code != "" {
		t.Errorf("a second later: %q", code)
	}
}

func TestTokenThatCannotTakeTheOthersPlace(t *testing.T) {
	n := newNode(t)
	c := n.join(n.token("ann"))
	elsewhere := n.newStage()
	for what, token := range map[string]string{
		"nothing":         "",
		"no token":        "nonsense",
		"too long":        strings.Repeat("x", 8<<10),
		"another's":       n.token("bob"),
		"another stage's": n.token("ann", func(s *auth.Seat) { s.StageARN, s.StageID = elsewhere, arn.ID(elsewhere) }),
		"expired":         n.token("ann", func(s *auth.Seat) { s.Issued, s.Expires = s.Issued.Add(-2*time.Hour), s.Issued.Add(-time.Hour) }),
		"another address": n.token("ann", func(s *auth.Seat) { s.WhipURL = "https://elsewhere.example/whip" }),
		"other events":    n.token("ann", func(s *auth.Seat) { s.EventsURL = "wss://elsewhere.example" }),
	} {
		if code := c.exchange(token); code != "TOKEN_EXCHANGE_REQUEST_INVALID" {
			t.Errorf("%s: %q", what, code)
		}
	}
	n.written()
	if got := n.history("ann"); !slices.Equal(got, []string{"JOINED"}) {
		t.Errorf("history: %v", got)
	}
	for _, bad := range []string{`{}`, `{"token":7}`, `[]`} {
		c := n.join(n.token("cat"))
		c.send(`{"type":"EXCHANGE_TOKEN","payload":` + bad + `}`)
		c.wantEnd(websocket.StatusPolicyViolation)
	}
	c = n.join(n.token("dan"))
	c.send(`{"type":"EXCHANGE_TOKEN","payload":{"token":"` + strings.Repeat("x", stage.MaxTokenFrame) + `"}}`)
	c.wantEnd(websocket.StatusPolicyViolation)
}
