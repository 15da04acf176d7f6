package stage_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

func TestDisconnectEndsAllDoorsForGood(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	p, socket := n.publish(token), n.join(token)
	n.publish(n.token("bob"))
	watching, watcher := n.subscribe(token, "bob"), n.subscribe(n.token("cleo"), "ann")
	looker := n.join(n.token("dora"))
	check(t, n.m.Disconnect(t.Context(), n.stage, "ann", "rude"))
	if revoked, err := n.db.SeatRevoked(t.Context(), n.stage, "ann"); !revoked || err != nil {
		t.Errorf("not written down: %v, %v", revoked, err)
	}
	if n.metric("publishers") != 1 {
		t.Error("it publishes yet")
	}
	p.wantClosed(t, "disconnected")
	watching.wantClosed(t, "disconnected")
	watcher.wantClosed(t, "publisher is gone")
	if last := socket.wantEnd(4001); last.Type != "DISCONNECTED" || last.Payload.Reason != "participant-disconnected" || last.Payload.Code != "PARTICIPANT_DISCONNECTED" {
		t.Errorf("told %+v", last)
	}
	looker.until(func() bool { _, here := looker.here["ann"]; return !here })
	for range 2 {
		_, err := n.m.Publish(t.Context(), request(token, ""))
		wantRefusal(t, err, 403, "PARTICIPANT_DISCONNECTED")
	}
	want := []string{"JOINED", "PUBLISH_STARTED", "SUBSCRIBE_STARTED bob", "SUBSCRIBE_STOPPED bob", "PUBLISH_STOPPED", "LEFT"}
	if diff := cmp.Diff(want, n.history("ann")); diff != "" {
		t.Error(diff)
	}
}

func TestDisconnectOfOneWhoIsNotThere(t *testing.T) {
	n := newNode(t)
	check(t, n.m.Disconnect(t.Context(), n.stage, "ann", ""))
	_, err := n.m.Subscribe(t.Context(), request(n.token("ann"), "bob"))
	wantRefusal(t, err, 403, "PARTICIPANT_DISCONNECTED")
	if err := n.m.Disconnect(t.Context(), minter.New("stage"), "ann", ""); fault.Of(err) != fault.NotFound {
		t.Errorf("on a stage that does not exist: %v", err)
	}
}

// However closely they meet: who was disconnected is not there afterwards.
func TestDisconnectWinsAgainstEveryDoor(t *testing.T) {
	n := newNode(t)
	n.publish(n.token("host"))
	for round := range 30 {
		id := fmt.Sprint("guest", round)
		token := n.token(id)
		var mu sync.Mutex
		var peers []*peer
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if pub, err := n.m.Publish(context.Background(), request(token, "")); err == nil {
					p := newPeer(pub.Ended)
					pub.Start(p)
					mu.Lock()
					peers = append(peers, p)
					mu.Unlock()
				}
			})
		}
		wg.Go(func() { check(t, n.m.Disconnect(context.Background(), n.stage, id, "")) })
		wg.Wait()
		for _, p := range peers {
			select {
			case <-p.gone:
			case <-time.After(patience):
				t.Fatal("a session outlived the disconnection")
			}
		}
		if n.metric("participants") != 1 {
			t.Fatal("a participant outlived the disconnection")
		}
	}
}

func TestDeletedStageSendsEverybodyAway(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	p, socket := n.publish(token), n.join(token)
	s := n.subscribe(n.token("bob"), "ann")
	n.written()
	session := n.m.ActiveSession(n.stage)
	n.directory.set(n.stage, false)
	n.m.CloseStage(t.Context(), n.stage)
	p.wantClosed(t, "deleted")
	s.wantClosed(t, "") // of the stage, or of its publisher
	if last := socket.wantEnd(4001); last.Payload.Reason != "stage-deleted" || last.Payload.Code != "STAGE_DELETED" {
		t.Errorf("told %+v", last)
	}
	if n.m.ActiveSession(n.stage) != "" || n.m.Stages() != 0 {
		t.Error("the stage runs")
	}
	n.written()
	if row, err := n.db.StageSession(t.Context(), n.stage, session); err != nil || row.Ended.IsZero() {
		t.Errorf("session: %+v, %v", row, err)
	}
	if told := n.told(); len(told) != 2 {
		t.Errorf("told: %v", told)
	}
	_, err := n.m.Publish(t.Context(), request(token, ""))
	wantRefusal(t, err, 404, "STAGE_DELETED")
}

// twoNodes gives two nodes on one database, each with a bus of its own to one NATS server.
func twoNodes(t *testing.T) (a, b *node) {
	t.Helper()
	nats, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	check(t, err)
	nats.Start()
	t.Cleanup(func() {
		nats.Shutdown()
		nats.WaitForShutdown()
	})
	if !nats.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	w := newWorld(t)
	connect := func(name string) *node {
		link, err := bus.Open(t.Context(), bus.Options{URL: nats.ClientURL(), Name: name, Log: quiet})
		check(t, err)
		t.Cleanup(func() { _ = link.Close(context.Background()) })
		n := w.node(func(d *stage.Deps) { d.Bus, d.Node = link, name })
		check(t, link.Flush(t.Context()))
		return n
	}
	return connect("a"), connect("b")
}

func TestOtherNodesHearOfDisconnectionAndDeletion(t *testing.T) {
	a, b := twoNodes(t)
	ann, bob := b.publish(b.token("ann")), b.publish(b.token("bob"))
	check(t, a.m.Disconnect(t.Context(), a.stage, "ann", ""))
	ann.wantClosed(t, "disconnected")
	if !bob.open() {
		t.Error("somebody else was sent away")
	}
	_, err := b.m.Publish(t.Context(), request(b.token("ann"), ""))
	wantRefusal(t, err, 403, "PARTICIPANT_DISCONNECTED")
	a.directory.set(a.stage, false)
	a.m.CloseStage(t.Context(), a.stage)
	bob.wantClosed(t, "deleted")
}

func TestReviewFindsWhatTheBusDidNotTell(t *testing.T) {
	n := newNode(t)
	ann, bob := n.publish(n.token("ann")), n.publish(n.token("bob"))
	check(t, n.db.RevokeSeat(t.Context(), n.stage, "ann", time.Now().Add(time.Hour)))
	n.m.Review()
	ann.wantClosed(t, "disconnected")
	n.directory.fail(fault.Down("away"))
	n.m.Review()
	if !bob.open() {
		t.Error("a failing lookup sent somebody away")
	}
	n.directory.fail(nil)
	n.directory.set(n.stage, false)
	n.m.Review()
	bob.wantClosed(t, "deleted")
}

func TestShutdownTellsEverybodyAndLeavesNothingOpen(t *testing.T) {
	n := newNode(t)
	token := n.token("ann")
	p, socket := n.publish(token), n.join(token)
	s := n.subscribe(n.token("bob"), "ann")
	looker := n.join(n.token("dora"))
	n.shutdown()
	p.wantClosed(t, "shutting down")
	<-s.gone
	for _, c := range []*client{socket, looker} {
		if last := c.wantEnd(4001); last.Payload.Reason != "server-draining" || last.Payload.Code != "" {
			t.Errorf("told %+v", last)
		}
	}
	if open, err := n.db.OpenStageSessions(t.Context()); len(open) > 0 || err != nil {
		t.Errorf("open sessions: %v, %v", open, err)
	}
	if row := n.row("ann"); row.State != store.Disconnected || row.Publishing {
		t.Errorf("row: %+v", row)
	}
	if diff := cmp.Diff([]string{"Participant Published ann", "Participant Unpublished ann"}, n.told()); diff != "" {
		t.Error(diff)
	}
	_, err := n.m.Publish(t.Context(), request(token, ""))
	wantRefusal(t, err, 503, "SERVER_DRAINING")
	if c, resp := n.dial(n.stage, token); c != nil || resp.StatusCode != 503 {
		t.Errorf("socket: %+v", resp)
	}
}

func TestShutdownWaitsNoLongerThanItMay(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	n.publish(n.token("ann"))
	n.written()
	holding, release, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- n.db.Tx(context.Background(), func(context.Context) error {
			close(holding)
			<-release
			return nil
		})
	}()
	<-holding
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := n.m.Shutdown(ctx); err == nil {
		t.Error("it claims that all is written")
	}
	close(release)
	check(t, <-held)
	next := w.node()
	check(t, next.m.Recover(t.Context())) // which makes it good
	if diff := cmp.Diff([]string{"Participant Published ann", "Participant Unpublished ann"}, next.told()); diff != "" {
		t.Error(diff)
	}
}

// A process that is killed leaves rows open; the next one of the same node closes them, with what is owed.
func TestRecoverMakesGoodWhatAKilledProcessLeft(t *testing.T) {
	w := newWorld(t)
	n := w.node()
	elsewhere := w.newStage()
	n.publish(n.token("ann"))
	gone := n.publish(n.token("bob"))
	n.subscribe(n.token("cleo"), "ann")
	again := n.subscribe(n.token("cleo"), "bob")
	again.Close(io.EOF)
	<-again.gone
	gone.Close(io.EOF)
	<-gone.gone
	n.join(n.token("dora"))
	check(t, n.db.InsertStageSession(t.Context(), store.StageSession{SessionID: "st-0123456789abc", StageARN: elsewhere, Started: time.Now(), Node: "n2"}))
	n.written()
	n.m.Abandon()

	next := w.node()
	for range 2 { // the second time there is nothing to do
		check(t, next.m.Recover(t.Context()))
	}
	for who, want := range map[string][]string{
		"ann":  {"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"},
		"bob":  {"JOINED", "PUBLISH_STARTED", "PUBLISH_STOPPED", "LEFT"},
		"cleo": {"JOINED", "SUBSCRIBE_STARTED ann", "SUBSCRIBE_STARTED bob", "SUBSCRIBE_STOPPED bob", "SUBSCRIBE_STOPPED ann", "LEFT"},
		"dora": {"JOINED", "LEFT"},
	} {
		if diff := cmp.Diff(want, next.history(who)); diff != "" {
			t.Errorf("%s:\n%s", who, diff)
		}
		if row := next.row(who); row.State != store.Disconnected || row.Publishing || row.Left.IsZero() {
			t.Errorf("%s: %+v", who, row)
		}
	}
	want := []string{"Participant Published ann", "Participant Published bob", "Participant Unpublished bob", "Participant Unpublished ann"}
	if diff := cmp.Diff(want, next.told()); diff != "" {
		t.Error(diff)
	}
	open, err := n.db.OpenStageSessions(t.Context())
	if err != nil || len(open) != 1 || open[0].Node != "n2" {
		t.Errorf("open sessions: %+v, %v", open, err)
	}
}

// Who was judged good and is not let in yet when that ends is not let in.
func TestWhatEndsATokenWinsAgainstWhoIsAtTheDoor(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(n *node)
		status int
		code   string
	}{
		"disconnected": {func(n *node) { check(t, n.m.Disconnect(t.Context(), n.stage, "cam", "")) }, 403, "PARTICIPANT_DISCONNECTED"},
		"stage deleted": {func(n *node) {
			n.directory.set(n.stage, false)
			n.m.CloseStage(t.Context(), n.stage)
		}, 404, "STAGE_DELETED"},
		"ingest configuration cut": {func(n *node) {
			n.directory.attach(minter.Of(arn.IngestConfiguration, "icam"), "")
			n.m.Cut(t.Context(), n.stage, "cam")
		}, 403, "INGEST_UNATTACHED"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			token := n.token("cam")
			if name == "ingest configuration cut" {
				token = n.key("cam")
			}
			n.directory.judged = func() { c.end(n) }
			_, err := n.m.Publish(t.Context(), request(token, ""))
			wantRefusal(t, err, c.status, c.code)
		})
	}
}
