package room_test

import (
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/room"
)

func TestElevenRequestsInASecondAreTooMany(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join("ann"), n.join("bob")
	for range 10 {
		ann.send(`{"RequestId":"counts, though it is malformed"}`)
		ann.wantError(400, "counts, though it is malformed")
	}
	ann.send(`{"Action":"SEND_MESSAGE","RequestId":"eleventh","Content":"x"}`)
	ann.wantError(429, "eleventh")
	bob.say("others are not limited by it")
	bob.wantSaid("others are not limited by it")
	ann.wantSaid("others are not limited by it")
	n.clock.advance(100 * time.Millisecond)
	ann.say("a tenth of a second is one request")
	ann.wantSaid("a tenth of a second is one request")
	ann.say("but not two")
	ann.wantError(429, "said")
	n.clock.advance(time.Second)
	ann.say("a second later all is well")
	ann.wantSaid("a second later all is well")
}

func TestRoomRateIsSharedByItsMembers(t *testing.T) {
	n := newNode(t)
	n.room = n.newRoom(3, 500)
	ann, bob := n.join("ann"), n.join("bob")
	for range 3 {
		ann.say("x")
		ann.wantSaid("x")
		bob.wantSaid("x")
	}
	bob.say("one too many")
	bob.wantError(429, "said")
	bob.send(`{"Action":"DELETE_MESSAGE","RequestId":"r","Id":"AYk6xKitV4On"}`) // is no message
	if got := bob.read(); got.EventName != "aws:DELETE_MESSAGE" {
		t.Errorf("got %+v", got)
	}
	if got := ann.read(); got.EventName != "aws:DELETE_MESSAGE" {
		t.Errorf("the refused message was delivered: %+v", got)
	}
}

func TestLimitsOffLiftsRatesButNotLengths(t *testing.T) {
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	n.room = n.newRoom(1, 5)
	ann := n.join("ann")
	for range 300 {
		ann.say("x")
		ann.wantSaid("x")
	}
	ann.say("123456")
	ann.wantError(413, "said")
}

func TestChangedRoomLimitsHoldWithinASecond(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	changed := n.room
	changed.MaxLength = 5
	n.rooms.put(changed)
	n.clock.advance(time.Second)
	ann.say("123456")
	ann.wantError(413, "said")
}

func TestClockSetBackLocksNobodyOut(t *testing.T) {
	n := newNode(t)
	ann := n.join("ann")
	for range 10 {
		ann.say("x")
		ann.wantSaid("x")
	}
	n.clock.advance(-time.Hour)
	ann.say("x")
	ann.wantSaid("x")
}

func TestMetricsCountWhatCloudWatchCounts(t *testing.T) {
	n := newNode(t)
	ann, bob := n.join("ann"), n.join("bob")
	ann.say("x")
	ann.wantSaid("x")
	bob.wantSaid("x")
	ann.send(`{"Action":"NO SUCH LABEL"}`)
	ann.wantError(400, "")
	if err := n.m.DisconnectUser(t.Context(), n.room.ARN, "bob", ""); err != nil {
		t.Fatal(err)
	}
	ann.read()
	bob.wantClose(1000)
	ann.send(`{"Action":"DELETE_MESSAGE","Id":"AYk6xKitV4On"}`)
	ann.read() // bob's connection is counted out before a later event goes out to one member only
	n.shutdown()
	for _, c := range []struct {
		name, label string
		want        float64
	}{
		{"requests_total", "SEND_MESSAGE", 1},
		{"requests_total", "OTHER", 1},
		{"deliveries_total", "SEND_MESSAGE", 2},
		{"deliveries_total", "DISCONNECT_USER", 2},
		{"deliveries_total", "DELETE_MESSAGE", 1},
		{"errors_total", "400", 1},
		{"handshakes_total", "101", 2},
		{"closed_total", "moderator", 1},
		{"closed_total", "shutdown", 1},
		{"connections", "", 0},
	} {
		if got := n.metric(c.name, c.label); got != c.want {
			t.Errorf("%s{%s}: got %v, want %v", c.name, c.label, got, c.want)
		}
	}
}
