package room_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
)

func TestMessageReachesEverybodyTheSenderToo(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann", func(p *auth.ChatPass) { p.Attributes = map[string]string{"name": "Ann"} })
	bob := n.join("bob")
	ann.send(`{"Action":"SEND_MESSAGE","RequestId":"r-1","Content":"hé <b>🐱</b>","Attributes":{"k":"v"}}`)
	heard, echo := bob.read(), ann.read()
	if diff := cmp.Diff(heard, echo); diff != "" {
		t.Errorf("sender and listener see different frames: %s", diff)
	}
	if len(heard.Id) != 12 {
		t.Errorf("id %q", heard.Id)
	}
	if at, err := time.Parse(time.RFC3339Nano, heard.SendTime); err != nil || !at.Equal(n.clock.Now()) || !strings.Contains(heard.SendTime, ".") {
		t.Errorf("send time %q (%v)", heard.SendTime, err)
	}
	want := frame{Type: "MESSAGE", Id: heard.Id, RequestId: "r-1", Content: "hé <b>🐱</b>", SendTime: heard.SendTime, Attributes: map[string]string{"k": "v"}}
	want.Sender.UserId, want.Sender.Attributes = "ann", map[string]string{"name": "Ann"}
	if diff := cmp.Diff(want, heard); diff != "" {
		t.Error(diff)
	}
}

func TestOneRoomDoesNotHearAnother(t *testing.T) {
	n := newNode(t)
	elsewhere := n.newRoom(10, 500)
	bob := n.join("bob", func(p *auth.ChatPass) { p.RoomARN = elsewhere.ARN })
	ann := n.join("ann")
	ann.say("here")
	ann.wantSaid("here")
	bob.say("there")
	bob.wantSaid("there")
}

func TestDeleteMessageIsRelayedWithBothIds(t *testing.T) {
	n := newNode(t)
	mod, bob := n.join("mod"), n.join("bob")
	mod.send(`{"Action":"DELETE_MESSAGE","RequestId":"r-2","Id":"AYk6xKitV4On","Reason":"rude"}`)
	for _, c := range []*client{mod, bob} {
		got := c.read()
		want := frame{
			Type: "EVENT", Id: got.Id, RequestId: "r-2", EventName: "aws:DELETE_MESSAGE", SendTime: got.SendTime,
			Attributes: map[string]string{"MessageID": "AYk6xKitV4On", "MessageId": "AYk6xKitV4On", "Reason": "rude"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDisconnectUserEndsAllConnectionsOfThatUser(t *testing.T) {
	n := newNode(t)
	mod, first, second, other := n.join("mod"), n.join("bob"), n.join("bob"), n.join("carl")
	mod.send(`{"Action":"DISCONNECT_USER","RequestId":"r-3","UserId":"bob","Reason":"spam"}`)
	for _, c := range []*client{mod, first, second, other} {
		got := c.read()
		want := frame{
			Type: "EVENT", Id: got.Id, RequestId: "r-3", EventName: "aws:DISCONNECT_USER", SendTime: got.SendTime,
			Attributes: map[string]string{"UserId": "bob", "Reason": "spam"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	first.wantClose(websocket.StatusNormalClosure)
	second.wantClose(websocket.StatusNormalClosure)
	other.say("still here")
	mod.wantSaid("still here")
	n.join("bob") // with a new token
}

func TestModeratorMayDisconnectHerself(t *testing.T) {
	n := newNode(t)
	mod := n.join("mod")
	mod.send(`{"Action":"DISCONNECT_USER","RequestId":"r","UserId":"mod"}`)
	if got := mod.read(); got.RequestId != "r" || got.EventName != "aws:DISCONNECT_USER" {
		t.Errorf("got %+v", got)
	}
	mod.wantClose(websocket.StatusNormalClosure)
}

func TestRefusals(t *testing.T) {
	n := newNode(t)
	emoji := strings.Repeat("🐱", 500)
	cannot := func(p *auth.ChatPass) { p.Send, p.Delete, p.Disconnect = false, false, false }
	all := func(*auth.ChatPass) {}
	for _, c := range []struct {
		name, text string
		pass       func(*auth.ChatPass)
		code       int
		requestID  string
	}{
		{"sending without the capability is forbidden", `{"Action":"SEND_MESSAGE","RequestId":"r","Content":"x"}`, cannot, 403, "r"},
		{"deleting without the capability is forbidden", `{"Action":"DELETE_MESSAGE","RequestId":"r","Id":"AYk6xKitV4On"}`, cannot, 403, "r"},
		{"disconnecting without the capability is forbidden", `{"Action":"DISCONNECT_USER","RequestId":"r","UserId":"x"}`, cannot, 403, "r"},
		{"no JSON is malformed", `hello`, all, 400, ""},
		{"an array is malformed", `[]`, all, 400, ""},
		{"null is malformed", `null`, all, 400, ""},
		{"truncated JSON keeps its request id", `{"RequestId":"r","Content":"x`, all, 400, "r"},
		{"two objects are malformed", `{"Action":"SEND_MESSAGE","RequestId":"r","Content":"x"}{}`, all, 400, "r"},
		{"no action is malformed", `{"RequestId":"r","Content":"x"}`, all, 400, "r"},
		{"an unknown action is malformed", `{"Action":"SING","RequestId":"r"}`, all, 400, "r"},
		{"no content is malformed", `{"Action":"SEND_MESSAGE","RequestId":"r"}`, all, 400, "r"},
		{"content of another type is malformed", `{"Action":"SEND_MESSAGE","Content":7,"RequestId":"r"}`, all, 400, "r"},
		{"attributes that are no strings are malformed", `{"Action":"SEND_MESSAGE","Content":"x","Attributes":{"a":1},"RequestId":"r"}`, all, 400, "r"},
		{"no message id is malformed", `{"Action":"DELETE_MESSAGE","RequestId":"r"}`, all, 400, "r"},
		{"a message id of another form is malformed", `{"Action":"DELETE_MESSAGE","Id":"x-1","RequestId":"r"}`, all, 400, "r"},
		{"no user is malformed", `{"Action":"DISCONNECT_USER","RequestId":"r"}`, all, 400, "r"},
		{"501 code points are too many", `{"Action":"SEND_MESSAGE","RequestId":"r","Content":"` + emoji + `x"}`, all, 413, "r"},
		{"large attributes are too large", `{"Action":"SEND_MESSAGE","RequestId":"r","Content":"x","Attributes":{"a":"` + strings.Repeat("a", 4096) + `"}}`, all, 413, "r"},
		{"a long reason is too large", `{"Action":"DELETE_MESSAGE","RequestId":"r","Id":"AYk6xKitV4On","Reason":"` + strings.Repeat("a", 257) + `"}`, all, 413, "r"},
		{"a long user id is too large", `{"Action":"DISCONNECT_USER","RequestId":"r","UserId":"` + strings.Repeat("a", 129) + `"}`, all, 413, "r"},
		{"a large frame is too large, and its request is named", `{"Action":"SEND_MESSAGE","RequestId":"r","Content":"` + strings.Repeat("a", 17<<10) + `"}`, all, 413, "r"},
		{"a huge frame is too large", `{"Content":"` + strings.Repeat("a", 900<<10) + `"}`, all, 413, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ann := n.join("ann", c.pass)
			defer func() { _ = ann.ws.CloseNow() }()
			ann.send(c.text)
			ann.wantError(c.code, c.requestID)
			ann.send(`{"RequestId":"alive"}`) // the connection stays, and nothing else came
			ann.wantError(400, "alive")
		})
	}
}

func TestFiveHundredCodePointsPass(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	emoji := strings.Repeat("🐱", 500)
	ann.say(emoji)
	ann.wantSaid(emoji)
	ann.send(`{"Action":"SEND_MESSAGE","Content":"` + strings.Repeat(`\ud83d\udc31`, 500) + `"}`)
	ann.wantSaid(emoji)
}

func TestRequestsAreReadLeniently(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	for _, text := range []string{
		`{"action":"SEND_MESSAGE","requestId":"","content":"x"}`,
		`{"CONTENT":"x","ACTION":"SEND_MESSAGE"}`,
		` {"Unknown":{"a":[1]},"Action":"SEND_MESSAGE","Content":"x","Attributes":null} `,
	} {
		ann.send(text)
		if got := ann.wantSaid("x"); got.RequestId != "" || got.Attributes == nil || got.Sender.Attributes == nil {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}

func TestBinaryFramesAreRefused(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	ann.write(websocket.MessageBinary, `{"Action":"SEND_MESSAGE","Content":"x"}`)
	ann.wantError(400, "")
	ann.say("text")
	ann.wantSaid("text")
}

func TestMessageIdsAreUnique(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	seen := map[string]bool{}
	for range 50 {
		ann.say("x")
		id := ann.wantSaid("x").Id
		if seen[id] {
			t.Fatalf("id %q came twice", id)
		}
		seen[id] = true
		n.clock.advance(time.Second)
	}
}
