package room_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/room"
)

func TestEventsOfTheAPIReachMembers(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	id, err := n.m.SendEvent(t.Context(), n.room.ARN, "app:poll", map[string]string{"q": "tea?"})
	if err != nil {
		t.Fatal(err)
	}
	got := ann.read()
	want := frame{Type: "EVENT", Id: id, EventName: "app:poll", SendTime: got.SendTime, Attributes: map[string]string{"q": "tea?"}}
	if diff := cmp.Diff(want, got); diff != "" || len(id) != 12 {
		t.Errorf("id %q: %s", id, diff)
	}
	if id, err = n.m.DeleteMessage(t.Context(), n.room.ARN, "AYk6xKitV4On", ""); err != nil {
		t.Fatal(err)
	}
	want = frame{Type: "EVENT", Id: id, EventName: "aws:DELETE_MESSAGE", Attributes: map[string]string{"MessageID": "AYk6xKitV4On", "MessageId": "AYk6xKitV4On", "Reason": ""}}
	got = ann.read()
	want.SendTime = got.SendTime
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "ann", "spam"); err != nil {
		t.Fatal(err)
	}
	if got := ann.read(); got.EventName != "aws:DISCONNECT_USER" || got.RequestId != "" {
		t.Errorf("got %+v", got)
	}
	ann.wantClose(websocket.StatusNormalClosure)
}

func TestAPIOnARoomThatDoesNotExistIsNotFound(t *testing.T) {
	n := newNode(t)
	gone := minter.New(arn.Room)
	_, send := n.m.SendEvent(t.Context(), gone, "x", nil)
	_, del := n.m.DeleteMessage(t.Context(), gone, "AYk6xKitV4On", "")
	for _, err := range []error{send, del, n.m.DisconnectUser(t.Context(), gone, "ann", "")} {
		if fault.Of(err) != fault.NotFound {
			t.Errorf("got %v, want a NotFound fault", err)
		}
	}
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "nobody", ""); err != nil {
		t.Errorf("disconnecting a user without connections: %v", err)
	}
}

func TestSessionEndsByTheTokensClock(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann", func(p *auth.ChatPass) { p.SessionExpires = p.Issued.Add(time.Minute) })
	bob := n.join("bob")
	n.clock.advance(time.Minute)
	ann.wantClose(websocket.StatusNormalClosure)
	bob.say("still here")
	bob.wantSaid("still here")
	n.shutdown()
	if got := n.metric("closed_total", "expired"); got != 1 {
		t.Errorf("sessions expired: %v", got)
	}
}

func TestRequestAfterTheSessionsEndIsUnauthorized(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.Heartbeat = time.Hour })
	ann := n.join("ann", func(p *auth.ChatPass) { p.SessionExpires = p.Issued.Add(100 * time.Millisecond) })
	n.clock.advance(100 * time.Millisecond)
	ann.say("too late")
	if got := ann.readOrClose(); got != nil { // the sweeper may have been faster
		if got.ErrorCode != 401 || got.RequestId != "said" {
			t.Errorf("got %+v", got)
		}
		ann.wantClose(websocket.StatusNormalClosure)
	}
}

// readOrClose reads a frame, or gives nil after a normal close.
func (c *client) readOrClose() *frame {
	c.t.Helper()
	_, text, err := c.readRaw()
	if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
		return nil
	}
	f := new(frame)
	if err := errors.Join(err, json.Unmarshal(text, f)); err != nil {
		c.t.Fatal(err)
	}
	return f
}

func TestDeletedRoomClosesItsConnections(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join("ann"), n.join("bob")
	ann.say("last words")
	n.rooms.remove(n.room.ARN)
	ann.wantSaid("last words")
	if err := n.m.CloseRoom(t.Context(), n.room.ARN); err != nil {
		t.Fatal(err)
	}
	ann.wantClose(websocket.StatusNormalClosure)
	bob.wantClose(websocket.StatusNormalClosure)
	if _, resp := n.dial(n.token("ann")); resp.StatusCode != 404 {
		t.Errorf("HTTP %d after the deletion", resp.StatusCode)
	}
}

func TestRoomFoundGoneIsNotFoundAndCloses(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join("ann"), n.join("bob")
	n.rooms.remove(n.room.ARN) // and nobody told this node
	n.clock.advance(time.Second)
	ann.say("hello?")
	ann.wantError(404, "said")
	ann.wantClose(websocket.StatusNormalClosure)
	bob.wantClose(websocket.StatusNormalClosure)
}

func TestClientsCloseIsAnswered(t *testing.T) {
	n := newNode(t)
	for range 20 {
		ann := n.join("ann")
		if err := ann.ws.Close(websocket.StatusNormalClosure, "bye"); err != nil {
			t.Fatal(err)
		}
	}
	n.shutdown()
	if got := n.metric("closed_total", "client"); got != 20 {
		t.Errorf("closed by clients: %v", got)
	}
}

func TestShutdownDropsWithoutACloseFrame(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join("ann"), n.join("bob")
	ann.say("x")
	ann.wantSaid("x")
	bob.wantSaid("x")
	token := n.token("late")
	n.shutdown()
	ann.wantDrop()
	bob.wantDrop()
	if _, resp := n.dial(token); resp.StatusCode != 503 {
		t.Errorf("HTTP %d while shutting down", resp.StatusCode)
	}
	if got := n.metric("connections", ""); got != 0 {
		t.Errorf("connections left: %v", got)
	}
}

func TestSlowReaderIsDroppedAndOthersAreNot(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	slow := n.rawJoin("slow") // never reads
	ann := n.join("ann")
	var others []*client
	for i := range 5 {
		others = append(others, n.join(fmt.Sprint("listener", i)))
	}
	const messages = 3000
	var wg sync.WaitGroup
	for _, c := range others {
		wg.Go(func() {
			for i := range messages {
				if f := c.read(); f.Attributes["n"] != fmt.Sprint(i) {
					t.Errorf("got message %q, want %d", f.Attributes["n"], i)
					return
				}
			}
		})
	}
	filler := strings.Repeat("x", 500)
	for i := range messages {
		ann.send(fmt.Sprintf(`{"Action":"SEND_MESSAGE","Content":%q,"Attributes":{"n":"%d"}}`, filler, i))
		if f := ann.read(); f.Attributes["n"] != fmt.Sprint(i) {
			t.Fatalf("got %+v, want echo %d", f, i)
		}
	}
	wg.Wait()
	slow.wantDropped()
	n.shutdown()
	if got := n.metric("closed_total", "slow"); got != 1 {
		t.Errorf("slow drops: %v", got)
	}
}

func TestSilentPeerIsPingedThenDropped(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.Heartbeat = 2 * time.Second }) // of which a busy machine may take most to answer
	dead := n.rawJoin("dead")                                             // reads, but answers nothing
	alive := n.join("alive")
	go func() { // its library answers pings while it reads
		_, _, _ = alive.readRaw()
	}()
	if op, _ := dead.readFrame(); op != 9 {
		t.Fatalf("got opcode %d, want a ping", op)
	}
	dead.wantDropped()
	n.shutdown()
	if got := n.metric("closed_total", "silent"); got != 1 {
		t.Errorf("silent drops: %v", got)
	}
	if got := n.metric("closed_total", "shutdown"); got != 1 {
		t.Errorf("drops by the shutdown: %v, want the living one", got)
	}
}

func TestPingIsAnsweredWithItsPayload(t *testing.T) {
	n := newNode(t)
	c := n.rawJoin("ann")
	c.writeFrame(0x89, []byte("are you there"))
	if op, p := c.readFrame(); op != 10 || string(p) != "are you there" {
		t.Errorf("opcode %d, payload %q", op, p)
	}
}

func TestFragmentsMakeOneMessage(t *testing.T) {
	n := newNode(t)
	c := n.rawJoin("ann")
	c.writeFrame(0x01, []byte(`{"Action":"SEND_`))
	c.writeFrame(0x89, nil) // control frames may come in between
	c.writeFrame(0x00, []byte(`MESSAGE","Content":`))
	c.writeFrame(0x80, []byte(`"whole"}`))
	if op, _ := c.readFrame(); op != 10 {
		t.Errorf("opcode %d, want the pong", op)
	}
	if op, p := c.readFrame(); op != 1 || !strings.Contains(string(p), `"Content":"whole"`) {
		t.Errorf("opcode %d, payload %s", op, p)
	}
}

func TestViolationsCloseOnlyTheViolator(t *testing.T) {
	n := newNode(t)
	bob := n.join("bob")
	for _, c := range []struct {
		name  string
		bytes []byte
		code  int
	}{
		{"text that is not UTF-8", masked(0x81, []byte("{\"\xff\"}")), 1007},
		{"an unmasked frame", []byte{0x81, 0x01, 'x'}, 1002},
		{"a reserved bit", masked(0xc1, []byte("x")), 1002},
		{"an unknown opcode", masked(0x83, []byte("x")), 1002},
		{"a continuation of nothing", masked(0x80, []byte("x")), 1002},
		{"a fragmented ping", masked(0x09, []byte("x")), 1002},
		{"a long ping", masked(0x89, make([]byte, 126)), 1002},
		{"a message within a message", append(masked(0x01, []byte("x")), masked(0x81, []byte("x"))...), 1002},
		{"half a close status", masked(0x88, []byte{3}), 1002},
		{"a reserved close status", masked(0x88, []byte{0x03, 0xed}), 1002},
		{"a close reason that is not UTF-8", masked(0x88, []byte{0x03, 0xe8, 0xff}), 1007},
		{"a frame of exabytes", []byte{0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 1009},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := n.rawJoin("ann")
			if _, err := raw.conn.Write(c.bytes); err != nil {
				t.Fatal(err)
			}
			op, p := raw.readFrame()
			if op != 8 || len(p) < 2 || int(p[0])<<8|int(p[1]) != c.code {
				t.Fatalf("opcode %d, payload %q, want close %d", op, p, c.code)
			}
			raw.wantDropped()
		})
	}
	bob.say("undisturbed")
	bob.wantSaid("undisturbed")
}

func TestPeerThatIgnoresACloseFrameIsCutOff(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.Heartbeat = 500 * time.Millisecond })
	c := n.rawJoin("ann")
	if err := n.m.CloseRoom(t.Context(), n.room.ARN); err != nil {
		t.Fatal(err)
	}
	for op, _ := c.readFrame(); op != 8; op, _ = c.readFrame() {
		if op != 9 { // a ping may come first
			t.Fatalf("opcode %d, want a close", op)
		}
	}
	c.wantDropped()                      // the server has said its last
	for err := error(nil); err == nil; { // and cuts the line once it loses patience
		_, err = c.conn.Write(masked(0x81, []byte("{}")))
		if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
			t.Fatal(err)
		}
	}
}

func TestDisconnectedUserHasNothingMoreToSay(t *testing.T) {
	n := newNode(t)
	bob, mod := n.rawJoin("bob"), n.join("mod") // bob does not answer the close frame
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "bob", ""); err != nil {
		t.Fatal(err)
	}
	for op, _ := bob.readFrame(); op != 8; op, _ = bob.readFrame() {
	}
	bob.writeFrame(0x81, []byte(`{"Action":"SEND_MESSAGE","Content":"one more thing"}`))
	bob.writeFrame(0x88, []byte{0x03, 0xe8})
	bob.wantDropped() // everything bob sent was read
	mod.say("calm")
	if got := mod.read(); got.EventName != "aws:DISCONNECT_USER" {
		t.Fatalf("got %+v", got)
	}
	mod.wantSaid("calm")
}

func TestBytesThatCameWithTheHandshakeAreRead(t *testing.T) {
	n := newNode(t)
	c := n.rawDial(n.token("eager"), masked(0x81, []byte(`{"Action":"SEND_MESSAGE","Content":"first"}`)))
	if op, p := c.readFrame(); op != 1 || !strings.Contains(string(p), `"first"`) {
		t.Errorf("opcode %d, payload %s", op, p)
	}
}

// wantDropped reads to the end of the stream and wants no close frame on the way.
func (c *rawClient) wantDropped() {
	c.t.Helper()
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		c.t.Fatal(err)
	}
	for {
		op, _, err := c.tryFrame()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			c.t.Fatal(err)
		case op == 8:
			c.t.Fatal("got a close frame, want none")
		}
	}
}
