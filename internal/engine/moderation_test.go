package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// enter opens a chat connection with a fresh token; without success it gives none, and the HTTP status.
func enter(t *testing.T, e *enginetest.Engine, room, user string) (*websocket.Conn, int) {
	t.Helper()
	out, err := ivschat.NewFromConfig(e.AWS()).CreateChatToken(t.Context(), &ivschat.CreateChatTokenInput{
		RoomIdentifier: &room, UserId: &user, Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage},
	})
	if err != nil {
		t.Fatalf("a banned user's token is made like any other: %v", err)
	}
	ws, resp, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(e.URL, "http"), &websocket.DialOptions{Subprotocols: []string{*out.Token}})
	if resp == nil {
		t.Fatal(err)
	}
	if err == nil {
		t.Cleanup(func() { _ = ws.CloseNow() })
	}
	return ws, resp.StatusCode
}

func TestChatIsModeratedOverTheEngineAPI(t *testing.T) {
	dir := t.TempDir()
	e := enginetest.Start(t, enginetest.DataDir(dir))
	made, err := ivschat.NewFromConfig(e.AWS()).CreateRoom(t.Context(), &ivschat.CreateRoomInput{Name: aws.String("moderated")})
	if err != nil {
		t.Fatal(err)
	}
	room := *made.Arn
	base := "rooms/" + room[strings.LastIndexByte(room, '/')+1:]
	root := func(want int, method, path, body string) map[string]any {
		t.Helper()
		return engineAPI(t, e, e.AccessKeyID, e.Secret, want, method, path, body)
	}
	features := fmt.Sprint(root(200, "GET", "features", ""))
	for _, f := range []string{"chat-bans", "chat-time-outs", "chat-modes", "chat-pinned"} {
		if !strings.Contains(features, f) {
			t.Errorf("features %s, without %s", features, f)
		}
	}

	want := map[string]any{
		"slowMode": 0.0, "followersOnly": false, "followerAttribute": "follower=true", "noGuests": false, "guestAttribute": "role=guest", "pinned": nil,
	}
	if diff := cmp.Diff(want, root(200, "GET", base+"/moderation", "")); diff != "" {
		t.Error(diff)
	}
	delete(want, "pinned")
	want["slowMode"], want["noGuests"], want["guestAttribute"] = 30.0, true, "kind=guest"
	if diff := cmp.Diff(want, root(200, "PATCH", base+"/modes", `{"slowMode":30,"noGuests":true,"guestAttribute":"kind=guest"}`)); diff != "" {
		t.Error(diff)
	}
	pinned := root(200, "PUT", base+"/pinned", `{"messageId":"AYk6xKitV4On","content":"hello","userId":"ann","sendTime":"2026-11-23T12:00:00Z"}`)
	if pinned["content"] != "hello" || pinned["sendTime"] != "2026-11-23T12:00:00Z" || pinned["pinned"] == nil {
		t.Errorf("pinned: %v", pinned)
	}
	if got := root(200, "GET", base+"/moderation", "")["pinned"]; cmp.Diff(any(pinned), got) != "" {
		t.Errorf("pinned: %v", got)
	}
	root(204, "DELETE", base+"/pinned", "")
	root(404, "DELETE", base+"/pinned", "")

	bob, _ := enter(t, e, room, "bob /?&")
	ban := root(200, "POST", base+"/bans", `{"userId":"bob /?&","reason":"spam"}`)
	if ban["userId"] != "bob /?&" || ban["reason"] != "spam" || ban["made"] == nil || ban["until"] != nil {
		t.Errorf("ban: %v", ban)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for err = error(nil); err == nil; {
		_, _, err = bob.Read(ctx)
	}
	if websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("the banned user's connection ends with %v", err)
	}
	if _, status := enter(t, e, room, "bob /?&"); status != http.StatusForbidden {
		t.Errorf("the banned user is answered %d", status)
	}
	root(200, "POST", base+"/bans", `{"userId":"carl","seconds":3600}`)
	page := root(200, "GET", base+"/bans?maxResults=1", "")
	if users := names(t, page["bans"]); cmp.Diff([]string{"carl"}, users) != "" {
		t.Errorf("the newest ban: %v", page)
	}
	next := root(200, "GET", fmt.Sprint(base, "/bans?maxResults=1&nextToken=", page["nextToken"]), "")
	if users := names(t, next["bans"]); cmp.Diff([]string{"bob /?&"}, users) != "" || next["nextToken"] != nil {
		t.Errorf("the older one: %v", next)
	}
	if users := names(t, root(200, "GET", base+"/bans?userId=bob%20%2F%3F%26", "")["bans"]); len(users) != 1 {
		t.Errorf("asked for by name: %v", users)
	}
	root(200, "POST", base+"/time-outs", `{"userId":"dora","seconds":60,"reason":"calm down"}`)
	if users := names(t, root(200, "GET", base+"/time-outs", "")["timeOuts"]); cmp.Diff([]string{"dora"}, users) != "" {
		t.Errorf("time-outs: %v", users)
	}
	root(204, "DELETE", base+"/time-outs?userId=dora", "")
	root(404, "DELETE", base+"/time-outs?userId=dora", "")

	for _, c := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", base + "/bans", `{}`, 400},
		{"POST", base + "/bans", `{"userId":"x","seconds":0}`, 400},
		{"POST", base + "/bans", `{"userId":"x","seconds":5,"until":"2100-01-01T00:00:00Z"}`, 400},
		{"POST", base + "/bans", `{"userId":"x","until":"2001-01-01T00:00:00Z"}`, 400},
		{"POST", base + "/time-outs", `{"userId":"x"}`, 400},
		{"POST", base + "/time-outs", `{"userId":"x","seconds":99999999}`, 400},
		{"DELETE", base + "/bans", ``, 400},
		{"PATCH", base + "/modes", `{"slowMode":301}`, 400},
		{"PATCH", base + "/modes", `{"slow":3}`, 400},
		{"PUT", base + "/pinned", `{"messageId":"AYk6xKitV4On","userId":"u"}`, 400},
		{"GET", "rooms/AbCdEfGhIjKl/bans", ``, 404},
		{"GET", "rooms/AbCdEfGhIjKl/moderation", ``, 404},
		{"POST", "rooms/AbCdEfGhIjKl/bans", `{"userId":"x"}`, 404},
	} {
		root(c.status, c.method, c.path, c.body)
	}

	e.Stop()
	e = enginetest.Start(t, enginetest.DataDir(dir))
	if _, status := enter(t, e, room, "bob /?&"); status != http.StatusForbidden {
		t.Errorf("after a restart the banned user is answered %d", status)
	}
	root(204, "DELETE", base+"/bans?userId=bob%20%2F%3F%26", "")
	if _, status := enter(t, e, room, "bob /?&"); status != http.StatusSwitchingProtocols {
		t.Errorf("the user whose ban was lifted is answered %d", status)
	}
}

// names gives the users of a list of penalties.
func names(t *testing.T, list any) (users []string) {
	t.Helper()
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var found []struct{ UserID string }
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		users = append(users, f.UserID)
	}
	return users
}
