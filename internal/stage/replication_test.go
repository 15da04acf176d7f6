package stage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
)

// on makes a token for another stage than the world's.
func on(stageARN string) func(*auth.Seat) {
	return func(s *auth.Seat) { s.StageARN, s.StageID = stageARN, arn.ID(stageARN) }
}

func (n *node) replicate(id, to string, window time.Duration) {
	n.t.Helper()
	check(n.t, n.m.Replicate(n.t.Context(), stage.Replication{SourceStage: n.stage, DestinationStage: to, ParticipantID: id, Window: window}))
}

// at gives the names of a participant's events on a stage in its only session; those of a replica have a star.
func (n *node) at(stageARN, participant string) (names []string) {
	n.t.Helper()
	n.written()
	sessions, _, err := n.db.StageSessions(context.Background(), stageARN, 1, nil)
	check(n.t, err)
	events, _, err := n.db.StageEvents(context.Background(), stageARN, sessions[0].SessionID, participant, 1000, nil)
	check(n.t, err)
	slices.Reverse(events)
	for _, e := range events {
		if strings.HasPrefix(e.Name, "REPLICATION_") != (len(e.DestinationSession) == 16 && e.DestinationStage != "") {
			n.t.Errorf("event %+v", e)
		}
		if e.Replica {
			e.Name += "*"
		}
		names = append(names, e.Name)
	}
	return names
}

// toldOf gives what EventBridge is told of a stage.
func (n *node) toldOf(stageARN string) (names []string) {
	n.t.Helper()
	n.written()
	events, err := n.db.Events(context.Background(), 0, 1000)
	check(n.t, err)
	for _, e := range events {
		var d struct {
			Name    string `json:"event_name"`
			Session string `json:"destination_session_id"`
			Stage   string `json:"destination_stage_arn"`
		}
		check(n.t, json.Unmarshal(e.Detail, &d))
		if strings.Contains(d.Name, "Replication") != (len(d.Session) == 16 && strings.Contains(d.Stage, ":stage/")) {
			n.t.Errorf("event %s", e.Detail)
		}
		if slices.Equal(e.Resources, []string{stageARN}) {
			names = append(names, d.Name)
		}
	}
	return names
}

func (n *node) replications(id string) []store.Replication {
	n.t.Helper()
	n.written()
	all, _, err := n.db.Replications(context.Background(), n.stage, id, 100, nil)
	check(n.t, err)
	return all
}

func wantList(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func wantFault(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if fault.Of(err) != kind || err == nil {
		t.Errorf("got %v, want %v", err, kind)
	}
}

func TestAReplicaIsWatchedOnItsStage(t *testing.T) {
	n := newNode(t)
	other := n.newStage()
	pub := n.publish(n.token("a"))
	check(t, n.m.Replicate(t.Context(), stage.Replication{
		SourceStage: n.stage, DestinationStage: other, ParticipantID: "a", Attributes: map[string]string{"username": "guest", "seat": "2"}, Window: time.Hour,
	}))
	viewer, _ := n.dial(other, n.token("v", on(other)))
	viewer.until(func() bool { return viewer.here["a"].IsPublishing })
	if a := viewer.here["a"]; a.UserID != "user-a" || a.Attributes["username"] != "guest" || a.Attributes["seat"] != "2" {
		t.Errorf("the replica is %+v", a)
	}
	sub := n.subscribe(n.token("v", on(other)), "a")
	eventually(t, "media comes", func() bool { pub.speak(); return len(sub.got()) > 3 })

	here := n.join(n.token("a"))
	here.send(`{"type":"MUTE","payload":{"audioMuted":true}}`)
	viewer.until(func() bool { return viewer.here["a"].AudioMuted })

	// It goes away and comes back within the window: who watches it goes on.
	pub.Close(io.EOF)
	viewer.until(func() bool { return !viewer.here["a"].IsPublishing })
	before := len(sub.got())
	again := n.publish(n.token("a"))
	viewer.until(func() bool { return viewer.here["a"].IsPublishing })
	eventually(t, "media comes again", func() bool { again.speak(); return len(sub.got()) > before+3 })
	if !sub.open() {
		t.Error("the subscriber was sent away")
	}

	row := n.replications("a")
	if len(row) != 1 || row[0].DestinationStage != other || row[0].UserID != "user-a" || !row[0].Ended.IsZero() {
		t.Errorf("written: %+v", row)
	}
	check(t, n.m.StopReplication(t.Context(), n.stage, other, "a"))
	viewer.until(func() bool { _, there := viewer.here["a"]; return !there })
	if row := n.replications("a"); row[0].Ended.IsZero() {
		t.Error("it is not written that it ended")
	}
	wantFault(t, n.m.StopReplication(t.Context(), n.stage, other, "a"), fault.NotFound)
	wantList(t, "there", n.at(other, "a"),
		"JOINED*", "REPLICATION_STARTED*", "PUBLISH_STARTED*", "PUBLISH_STOPPED*", "PUBLISH_STARTED*", "REPLICATION_STOPPED*", "PUBLISH_STOPPED*", "LEFT*")
	wantList(t, "told there", n.toldOf(other), "Participant Published", "Participant Unpublished", "Participant Published", "Participant Unpublished")
	wantList(t, "here", n.at(n.stage, "a"),
		"JOINED", "PUBLISH_STARTED", "REPLICATION_STARTED", "PUBLISH_STOPPED", "PUBLISH_STARTED", "REPLICATION_STOPPED")
	wantList(t, "told here", n.toldOf(n.stage), "Participant Published", "Participant Replication Start", "Participant Unpublished",
		"Participant Published", "Participant Replication End")
	if !again.open() {
		t.Error("the publisher was sent away")
	}
}

// TestAReplicaHasAPlaceInAGallery: who watches many over one connection gets a replica as anybody else, and the place is free again
// when the replication ends.
func TestAReplicaHasAPlaceInAGallery(t *testing.T) {
	n := newNode(t, func(d *stage.Deps) { d.Away = 50 * time.Millisecond })
	other := n.newStage()
	guest := n.publish(n.token("guest"))
	host := n.publish(n.token("host", on(other)))
	eve := n.token("eve", on(other))
	socket, _ := n.dial(other, eve)
	socket.want("guest", "host")
	socket.settle()
	g := n.gallery(eve, "1", 1, 1)
	socket.wantSlots("1", "a0=host v0=host")
	n.replicate("guest", other, time.Hour)
	socket.wantSlots("1", "a0=host v0=host -guest/audio -guest/video")
	socket.want("guest")
	socket.wantSlots("1", "a0=guest v0=guest")
	before := len(g.tracks["a0"].numbers())
	host.speak()
	guest.speak()
	if got := g.tracks["a0"].numbers(); len(got) != before+1 {
		t.Errorf("%d packets came of one that the replica said", len(got)-before)
	}
	guest.Close(io.EOF) // within the window, but for longer than who watches waits
	<-guest.gone
	socket.wantSlots("1", "")
	again := n.publish(n.token("guest"))
	socket.wantSlots("1", "a0=guest v0=guest")
	eventually(t, "it is heard again", func() bool {
		before := len(g.tracks["a0"].numbers())
		again.speak()
		return len(g.tracks["a0"].numbers()) > before
	})
	socket.want("guest", "host")
	socket.wantSlots("1", "a0=guest v0=guest -host/audio -host/video")
	check(t, n.m.StopReplication(t.Context(), n.stage, other, "guest"))
	eventually(t, "the host has the place", func() bool { return socket.slots("1") == "a0=host v0=host" })
	if !again.open() || !g.open() {
		t.Error("somebody was sent away")
	}
	wantList(t, "history", n.historyAt(other, "eve"), "JOINED", "SUBSCRIBE_STARTED host", "SUBSCRIBE_STOPPED host", "SUBSCRIBE_STARTED guest", "SUBSCRIBE_STOPPED guest",
		"SUBSCRIBE_STARTED guest", "SUBSCRIBE_STOPPED guest", "SUBSCRIBE_STARTED host")
}

func TestWhatEndsAReplication(t *testing.T) {
	for name, c := range map[string]struct {
		window time.Duration
		end    func(n *node, pub *publisher, other string)
	}{
		"the publisher stops, without a window": {0, func(_ *node, pub *publisher, _ string) { pub.Close(io.EOF) }},
		"the window runs out":                   {50 * time.Millisecond, func(_ *node, pub *publisher, _ string) { pub.Close(io.EOF) }},
		"its own stage is deleted":              {time.Hour, func(n *node, _ *publisher, _ string) { n.m.CloseStage(n.t.Context(), n.stage) }},
		"its own stage is deleted while it is away": {time.Hour, func(n *node, pub *publisher, _ string) {
			pub.Close(io.EOF)
			<-pub.gone
			n.m.CloseStage(n.t.Context(), n.stage)
		}},
		"the other stage is deleted": {time.Hour, func(n *node, _ *publisher, other string) { n.m.CloseStage(n.t.Context(), other) }},
		"the replica is disconnected": {time.Hour, func(n *node, _ *publisher, other string) {
			check(n.t, n.m.Disconnect(n.t.Context(), other, "a", ""))
		}},
		"the server goes away": {time.Hour, func(n *node, _ *publisher, _ string) { n.shutdown() }},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			other := n.newStage()
			pub := n.publish(n.token("a"))
			n.replicate("a", other, c.window)
			c.end(n, pub, other)
			eventually(t, "it ended", func() bool { return !n.replications("a")[0].Ended.IsZero() })
			eventually(t, "the replica has left", func() bool { there := n.at(other, "a"); return there[len(there)-1] == "LEFT*" })
			there := n.at(other, "a") // which of the two ends is told first may vary, not how often each is
			slices.Sort(there)
			wantList(t, "there", there, "JOINED*", "LEFT*", "PUBLISH_STARTED*", "PUBLISH_STOPPED*", "REPLICATION_STARTED*", "REPLICATION_STOPPED*")
			told := n.toldOf(n.stage)
			if i := slices.Index(told, "Participant Replication End"); i < 0 || slices.Contains(told[i+1:], "Participant Replication End") {
				t.Errorf("told %q", told)
			}
		})
	}
}

func TestACrashLeavesNoReplicationRunning(t *testing.T) {
	w := newWorld(t)
	n, other := w.node(), w.newStage()
	n.publish(n.token("a"))
	n.replicate("a", other, time.Hour)
	n.written()
	n.m.Abandon()
	next := w.node()
	for range 2 {
		check(t, next.m.Recover(t.Context()))
	}
	if all := next.replications("a"); len(all) != 1 || all[0].Ended.IsZero() {
		t.Errorf("written: %+v", all)
	}
	wantList(t, "there", next.at(other, "a"), "JOINED*", "REPLICATION_STARTED*", "PUBLISH_STARTED*", "REPLICATION_STOPPED*", "PUBLISH_STOPPED*", "LEFT*")
	wantList(t, "here", next.at(n.stage, "a"), "JOINED", "PUBLISH_STARTED", "REPLICATION_STARTED", "REPLICATION_STOPPED", "PUBLISH_STOPPED", "LEFT")
	wantList(t, "told", next.toldOf(n.stage), "Participant Published", "Participant Replication Start", "Participant Replication End", "Participant Unpublished")
}

func TestWhatIsNotReplicated(t *testing.T) {
	n := newNode(t)
	other := n.newStage()
	ask := func(from, to, id string, attributes map[string]string) error {
		return n.m.Replicate(t.Context(), stage.Replication{SourceStage: from, DestinationStage: to, ParticipantID: id, Attributes: attributes})
	}
	wantFault(t, ask(n.stage, other, "a", nil), fault.NotFound) // nobody is there
	n.publish(n.token("a"))
	n.join(n.token("silent"))
	wantFault(t, ask(n.stage, other, "nobody", nil), fault.NotFound)
	wantFault(t, ask(n.stage, other, "silent", nil), fault.Conflict)
	wantFault(t, ask(n.stage, minter.New(arn.Stage), "a", nil), fault.NotFound)
	wantFault(t, ask(n.stage, other, "a", map[string]string{"k": strings.Repeat("v", 1024-len("usernamea"))}), fault.Invalid)
	check(t, ask(n.stage, other, "a", map[string]string{"k": strings.Repeat("v", 1023-len("usernamea"))}))
	wantFault(t, ask(n.stage, other, "a", nil), fault.Conflict)
	third := n.newStage()
	wantFault(t, ask(other, third, "a", nil), fault.Conflict) // a replica itself
	for range 4 {
		check(t, ask(n.stage, n.newStage(), "a", nil))
	}
	wantFault(t, ask(n.stage, third, "a", nil), fault.Quota)
	check(t, n.m.StopReplication(t.Context(), n.stage, other, "a"))
	check(t, n.m.Disconnect(t.Context(), third, "a", ""))
	wantFault(t, ask(n.stage, third, "a", nil), fault.Conflict)
	check(t, ask(n.stage, other, "a", nil))
}

// Two stages replicate to each other while publishers come and go: nothing stands still, and nothing stays.
func TestReplicationsCrossWithoutEnd(t *testing.T) {
	n := newNode(t)
	other := n.newStage()
	var all sync.WaitGroup
	for i := range 8 {
		from, to := n.stage, other
		if i%2 == 1 {
			from, to = to, from
		}
		id := fmt.Sprintf("p%d", i)
		token := n.token(id, on(from))
		all.Go(func() {
			for range 15 {
				pub := n.publish(token)
				if err := n.m.Replicate(t.Context(), stage.Replication{SourceStage: from, DestinationStage: to, ParticipantID: id, Window: time.Hour}); err != nil && fault.Of(err) != fault.Conflict {
					t.Error(err)
				}
				pub.Close(io.EOF)
				<-pub.gone
				if err := n.m.StopReplication(t.Context(), from, to, id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	eventually(t, "nothing is kept of publishers", func() bool { return n.m.Feeds() == 0 })
}

func TestDisconnectedParticipantIsNotShownElsewhere(t *testing.T) {
	for name, end := range map[string]func(n *node, pub *publisher){
		"while it publishes": func(*node, *publisher) {},
		"while it is away":   func(_ *node, pub *publisher) { pub.Close(io.EOF); <-pub.gone },
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			pub := n.publish(n.token("a"))
			other := n.newStage()
			check(t, n.m.Replicate(t.Context(), stage.Replication{SourceStage: n.stage, DestinationStage: other, ParticipantID: "a", Window: patience * 10}))
			end(n, pub)
			check(t, n.m.Disconnect(t.Context(), n.stage, "a", ""))
			if r := n.replications("a"); r[0].Ended.IsZero() {
				t.Error("it is still shown on the other stage")
			}
		})
	}
}
