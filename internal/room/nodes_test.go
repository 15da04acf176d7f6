package room_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/cluster"
	"github.com/streamcat/streamcat/internal/room"
)

// house is a world whose nodes share a NATS server, each with a bus of its own.
type house struct {
	*world
	url  string
	term time.Duration // of nodes to come
}

func newHouse(t *testing.T) *house {
	t.Helper()
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() {
		nats.Shutdown()
		nats.WaitForShutdown()
	})
	if !nats.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	return &house{world: newWorld(t), url: nats.ClientURL()}
}

// node gives a manager with a bus of its own.
func (h *house) node(name string, change ...func(*room.Deps)) *node {
	h.t.Helper()
	return h.nodeAt(h.url, name, change...)
}

// nodeAt gives one that finds NATS at another URL.
func (h *house) nodeAt(url, name string, change ...func(*room.Deps)) *node {
	h.t.Helper()
	link, err := bus.Open(context.Background(), bus.Options{URL: url, Name: name, Log: quiet})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = link.Close(context.Background()) })
	member, err := cluster.Join(context.Background(), cluster.Options{Bus: link, Log: quiet, Term: h.term})
	if err != nil {
		h.t.Fatal(err)
	}
	own := func(d *room.Deps) { d.Bus, d.Cluster, d.Patience = link, member, patience }
	return h.world.node(append([]func(*room.Deps){own}, change...)...)
}

func twoNodes(t *testing.T) (a, b *node) {
	t.Helper()
	h := newHouse(t)
	return h.node("a"), h.node("b")
}

func TestNodesHearEachOther(t *testing.T) {
	a, b := twoNodes(t)
	ann, bob := a.join("ann"), b.join("bob")
	ann.say("from a to b")
	if diff := cmp.Diff(ann.wantSaid("from a to b"), bob.wantSaid("from a to b")); diff != "" {
		t.Errorf("the frames differ: %s", diff)
	}
	bob.say("from b to a")
	if diff := cmp.Diff(ann.wantSaid("from b to a"), bob.wantSaid("from b to a")); diff != "" {
		t.Errorf("the frames differ: %s", diff)
	}
	if _, err := a.m.SendEvent(t.Context(), a.room.ARN, "app:hi", nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{ann, bob} {
		if got := c.read(); got.EventName != "app:hi" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestDisconnectUserReachesAllNodes(t *testing.T) {
	a, b := twoNodes(t)
	mod, here, there := a.join("mod"), a.join("bob"), b.join("bob")
	mod.send(`{"Action":"DISCONNECT_USER","RequestId":"r","UserId":"bob"}`)
	for _, c := range []*client{mod, here, there} {
		if got := c.read(); got.EventName != "aws:DISCONNECT_USER" || got.RequestId != "r" {
			t.Errorf("got %+v", got)
		}
	}
	here.wantClose(websocket.StatusNormalClosure)
	there.wantClose(websocket.StatusNormalClosure)
}

func TestAPIOnANodeWithoutMembersReachesTheOther(t *testing.T) {
	a, b := twoNodes(t)
	bob := b.join("bob")
	if err := a.m.DisconnectUser(t.Context(), a.room.ARN, "bob", ""); err != nil {
		t.Fatal(err)
	}
	bob.wantClose(websocket.StatusNormalClosure)
	carl := b.join("carl")
	if err := a.m.CloseRoom(t.Context(), a.room.ARN); err != nil {
		t.Fatal(err)
	}
	carl.wantClose(websocket.StatusNormalClosure)
}

func TestRoomRateCountsWhatOtherNodesSay(t *testing.T) {
	a, b := twoNodes(t)
	a.room = a.newRoom(3, 500)
	b.room = a.room
	ann, bob := a.join("ann"), b.join("bob")
	for range 3 {
		ann.say("x")
		ann.wantSaid("x")
		bob.wantSaid("x")
	}
	bob.say("one too many")
	bob.wantError(429, "said")
}

func TestRoomComesBackAfterItsLastMemberLeft(t *testing.T) {
	n := newNode(t)
	for i := range 20 {
		ann := n.join("ann")
		text := fmt.Sprint("visit ", i)
		ann.say(text)
		ann.wantSaid(text)
		_ = ann.ws.CloseNow()
		n.clock.advance(1e9)
	}
}

func TestOneOrderForEverybodyOnANode(t *testing.T) {
	const speakers, each = 8, 100
	n := newNode(t, func(d *room.Deps) { d.LimitsOff = true })
	var clients []*client
	for i := range speakers {
		clients = append(clients, n.join(fmt.Sprint("speaker-", i)))
	}
	orders := make([][]string, speakers)
	var wg sync.WaitGroup
	for i, c := range clients {
		wg.Go(func() {
			for j := range each {
				c.say(fmt.Sprint(i, "/", j))
			}
		})
		wg.Go(func() {
			for range speakers * each {
				orders[i] = append(orders[i], c.read().Content)
			}
		})
	}
	wg.Wait()
	for i := range orders {
		if diff := cmp.Diff(orders[0], orders[i]); diff != "" {
			t.Fatalf("listeners 0 and %d heard different orders: %s", i, diff)
		}
	}
	next := map[string]int{}
	for _, text := range orders[0] {
		var i, j int
		if _, err := fmt.Sscanf(text, "%d/%d", &i, &j); err != nil {
			t.Fatal(err)
		}
		if who := fmt.Sprint(i); next[who] != j {
			t.Fatalf("message %q came when %d was expected", text, next[who])
		} else {
			next[who]++
		}
	}
}
