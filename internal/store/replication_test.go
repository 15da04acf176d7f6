package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/store"
)

func TestReplicationsAreKept(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		replication := func(id, participant string, second int) store.Replication {
			return store.Replication{
				ID: id, ParticipantID: participant, UserID: "u", SourceStage: "a", SourceSession: "sa", DestinationStage: "b", DestinationSession: "sb",
				Started: start.Add(time.Duration(second) * time.Second),
			}
		}
		one, two, other := replication("1", "p", 1), replication("2", "p", 2), replication("3", "q", 3)
		for _, r := range []store.Replication{one, two, other} {
			check(t, db.PutReplication(ctx, r))
		}
		one.Ended = start.Add(time.Hour)
		check(t, db.PutReplication(ctx, one))
		page, next, err := db.Replications(ctx, "a", "p", 1, nil)
		check(t, err)
		rest, end, err := db.Replications(ctx, "a", "p", 1, next)
		check(t, err)
		if diff := cmp.Diff([]store.Replication{two, one}, append(page, rest...)); diff != "" || end != nil {
			t.Errorf("pages:\n%s", diff)
		}
		for i, id := range []string{"4", "5"} { // of those that have ended only the last one counts
			over := replication(id, "p", 3+i)
			over.Ended = start.Add(time.Hour)
			check(t, db.PutReplication(ctx, over))
			one = over
		}
		for _, session := range []string{"sa", "sb"} {
			if diff := cmp.Diff([]store.Replication{two, one}, must[[]store.Replication](t)(db.ReplicationsInSession(ctx, session, "p"))); diff != "" {
				t.Errorf("in %s:\n%s", session, diff)
			}
		}
		if none := must[[]store.Replication](t)(db.ReplicationsInSession(ctx, "sa")); len(none) != 0 {
			t.Errorf("of nobody: %+v", none)
		}

		event := store.StageEvent{SessionID: "sb", ParticipantID: "p", Seq: 1, Time: start, Name: "REPLICATION_STARTED", DestinationStage: "b", DestinationSession: "sb", Replica: true}
		check(t, db.InsertStageSession(ctx, store.StageSession{SessionID: "sb", StageARN: "b", Started: start, Node: "n"}))
		check(t, db.AppendStageEvent(ctx, event))
		events, _, err := db.StageEvents(ctx, "b", "sb", "p", 10, nil)
		check(t, err)
		if diff := cmp.Diff([]store.StageEvent{event}, events); diff != "" {
			t.Errorf("event:\n%s", diff)
		}

		_, err = db.TrimStageSessions(ctx, start.Add(2*time.Hour))
		check(t, err)
		if left := must[[]store.Replication](t)(db.ReplicationsInSession(ctx, "sa", "p", "q")); len(left) != 2 {
			t.Errorf("after the trim: %+v", left)
		}
	})
}
