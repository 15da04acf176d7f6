package room_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/streamcat/streamcat/internal/room"
)

func TestChatOverTLS(t *testing.T) {
	w := newWorld(t)
	w.tls = true
	n := w.node(func(d *room.Deps) { d.LimitsOff = true })
	ann, bob := n.join("ann"), n.join("bob")
	text := strings.Repeat("x", 500)
	for i := range 300 {
		ann.say(fmt.Sprint(i, text[:490]))
		ann.wantSaid(fmt.Sprint(i, text[:490]))
	}
	for i := range 300 { // which bob finds in order
		bob.wantSaid(fmt.Sprint(i, text[:490]))
	}
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "bob", ""); err != nil {
		t.Fatal(err)
	}
	bob.wantClose(websocket.StatusNormalClosure)
	n.shutdown()
	ann.wantDrop()
}

func TestSlowReaderOverTLSIsDropped(t *testing.T) {
	w := newWorld(t)
	w.tls = true
	n := w.node(func(d *room.Deps) { d.LimitsOff = true })
	slow, ann := n.join("slow"), n.join("ann")
	text := strings.Repeat("x", 500)
	for n.metric("closed_total", "slow") == 0 {
		for range 500 {
			ann.say(text)
			ann.wantSaid(text)
		}
	}
	slow.wantDrop()
}
