package site

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func (w *world) roomARN(name string) string {
	w.t.Helper()
	c, err := w.DB.App().ChannelByName(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.RoomARN
}

func message(room, who, text string) string {
	return fmt.Sprintf(`{"Content":%q,"MessageId":"AYk6xKitV4On","RoomArn":%q,"Attributes":{"k":"v"},"Sender":{"UserId":%q,"Ip":"192.0.2.7","Attributes":{}}}`, text, room, who)
}

func TestReviewsAreOnlyForWhoKnowsTheSecret(t *testing.T) {
	w := newWorld(t)
	w.register("ada")
	body := message(w.roomARN("ada"), "bob", "hello")
	for _, c := range []struct {
		name string
		edit func(*http.Request)
		code int
	}{
		{"nothing", func(*http.Request) {}, 401},
		{"the secret", bearer, 200},
		{"another secret", func(r *http.Request) { r.Header.Set("Authorization", "Bearer whsec_other") }, 401},
		{"a signature", signed([]byte("streamcat-hook-secret"), "m1", time.Now(), body), 200},
		{"a signature of another body", signed([]byte("streamcat-hook-secret"), "m1", time.Now(), body+" "), 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.browser().do("POST", "/hooks/chat-review", body, c.edit).want(t, c.code)
		})
	}
	for name, c := range map[string]struct {
		body string
		code int
	}{
		"no JSON":    {"hello", 400},
		"no message": {"{}", 400},
		"too large":  {message("x", "bob", strings.Repeat("x", maxReviewed)), 413},
	} {
		t.Run(name, func(t *testing.T) {
			w.browser().do("POST", "/hooks/chat-review", c.body, bearer).want(t, c.code)
		})
	}
}

func TestChatRulesAreTheOwnersAndAreApplied(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	review := func(text string) answer {
		t.Helper()
		return w.browser().do("POST", "/hooks/chat-review", message(w.roomARN("ada"), "somebody", text), bearer).want(t, 200)
	}
	if a := ada.get("/api/channels/ada/chat-rules").want(t, 200); a.json("links") != "allow" || a.json("repetition") != true {
		t.Errorf("to begin with: %s", a.body)
	}
	if a := review("darn"); a.json("ReviewResult") != "ALLOW" || a.json("Content") != "darn" || a.json("Attributes", "k") != "v" {
		t.Errorf("before: %s", a.body)
	}
	const words = `{"blockedWords":["darn","heck*"],"links":"deny"}`
	ada.do("PUT", "/api/channels/ada/chat-rules", words).want(t, 200)
	if a := review("DARN"); a.json("ReviewResult") != "DENY" || a.json("Attributes", "Reason") == nil {
		t.Errorf("after: %s", a.body)
	}
	if a := ada.get("/api/channels/ada/chat-rules").want(t, 200); a.json("links") != "deny" || a.json("repetition") != false {
		t.Errorf("kept: %s", a.body)
	}
	bob.get("/api/channels/ada/chat-rules").want(t, 403)
	bob.do("PUT", "/api/channels/ada/chat-rules", words).want(t, 403)
	w.browser().get("/api/channels/ada/chat-rules").want(t, 401)
	w.browser().do("PUT", "/api/channels/ada/chat-rules", words).want(t, 401)
	ada.get("/api/channels/nobody/chat-rules").want(t, 404)
	ada.do("PUT", "/api/channels/ada/chat-rules", words, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).want(t, 403)
	if a := ada.do("PUT", "/api/channels/ada/chat-rules", `{"links":"perhaps"}`).want(t, 400); a.json("error", "fields", "links") == nil {
		t.Errorf("refused: %s", a.body)
	}
	ada.do("PUT", "/api/channels/ada/chat-rules", `{"blockedWords":["`+strings.Repeat("x", maxRules)+`"],"links":"deny"}`).want(t, 413)
	if a := review("darn"); a.json("ReviewResult") != "DENY" {
		t.Errorf("after what was refused: %s", a.body)
	}
}
