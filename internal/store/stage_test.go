package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func stageSession(stage string, n int) store.StageSession {
	return store.StageSession{
		SessionID: fmt.Sprintf("st-%s%012d", stage, n), StageARN: stage, Node: "n1",
		Started: start.Add(time.Duration(n) * time.Second),
	}
}

func stageParticipant(session string, n int) store.StageParticipant {
	return store.StageParticipant{
		SessionID: session, ParticipantID: fmt.Sprintf("p%03d", n), StageARN: "a", UserID: fmt.Sprint("u", n%3), State: store.Connected,
		Joined: start.Add(time.Duration(n) * time.Second), Doc: json.RawMessage(`{"protocol":"WHIP"}`), Node: "n1",
	}
}

func TestStageSessionLivesAndEndsOnce(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, s := t.Context(), stageSession("a", 1)
		check(t, db.InsertStageSession(ctx, s))
		wantKind(t, db.InsertStageSession(ctx, s), fault.Conflict)
		check(t, db.InsertStageSession(ctx, stageSession("b", 1)))
		if diff := cmp.Diff([]store.StageSession{s, stageSession("b", 1)}, must[[]store.StageSession](t)(db.OpenStageSessions(ctx))); diff != "" {
			t.Errorf("open:\n%s", diff)
		}
		s.Ended = start.Add(time.Hour)
		for i, want := range []bool{true, false} {
			if got := must[bool](t)(db.EndStageSession(ctx, s.SessionID, s.Ended.Add(time.Duration(i)*time.Second))); got != want {
				t.Errorf("end number %d did it: %v", i, got)
			}
		}
		if got := must[bool](t)(db.EndStageSession(ctx, "st-unknown", s.Ended)); got {
			t.Error("an unknown session ended")
		}
		if diff := cmp.Diff(s, must[store.StageSession](t)(db.StageSession(ctx, "a", s.SessionID))); diff != "" {
			t.Errorf("ended:\n%s", diff)
		}
		if open := must[[]store.StageSession](t)(db.OpenStageSessions(ctx)); len(open) != 1 || open[0].StageARN != "b" {
			t.Errorf("open: %+v", open)
		}
		for _, who := range [][2]string{{"b", s.SessionID}, {"a", "st-x"}} {
			_, err := db.StageSession(ctx, who[0], who[1])
			wantKind(t, err, fault.NotFound)
		}
	})
}

func TestSessionsOfAStageComeNewestFirst(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		var want, got []string
		for n := range 5 {
			check(t, db.InsertStageSession(t.Context(), stageSession("a", n)))
			check(t, db.InsertStageSession(t.Context(), stageSession("b", n)))
			want = append([]string{stageSession("a", n).SessionID}, want...)
		}
		for after := (*store.Cursor)(nil); ; {
			page, next, err := db.StageSessions(t.Context(), "a", 2, after)
			check(t, err)
			for _, s := range page {
				got = append(got, s.SessionID)
			}
			if after = next; after == nil {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if page, next, err := db.StageSessions(t.Context(), "unknown", 2, nil); len(page) > 0 || next != nil || err != nil {
			t.Errorf("unknown stage: %v, %v, %v", page, next, err)
		}
	})
}

func TestParticipantThatComesBackKeepsItsFirstJoining(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx, p := t.Context(), stageParticipant("s", 1)
		read := func() store.StageParticipant {
			return must[store.StageParticipant](t)(db.StageParticipant(ctx, "a", "s", p.ParticipantID))
		}
		check(t, db.PutStageParticipant(ctx, p))
		if diff := cmp.Diff(p, read()); diff != "" {
			t.Errorf("joined:\n%s", diff)
		}
		p.Published, p.Publishing = true, true
		check(t, db.PutStageParticipant(ctx, p))
		p.State, p.Publishing, p.Left = store.Disconnected, false, start.Add(time.Hour)
		check(t, db.PutStageParticipant(ctx, p))
		if diff := cmp.Diff(p, read()); diff != "" {
			t.Errorf("left:\n%s", diff)
		}
		again := stageParticipant("s", 1)
		again.Joined, again.Node, again.Doc = start.Add(2*time.Hour), "n2", nil
		check(t, db.PutStageParticipant(ctx, again))
		again.Joined, again.Published, again.Doc = p.Joined, true, json.RawMessage("null")
		if diff := cmp.Diff(again, read()); diff != "" {
			t.Errorf("came back:\n%s", diff)
		}
		for _, bad := range []func(*store.StageParticipant){
			func(p *store.StageParticipant) { p.State = "AWAY" },
			func(p *store.StageParticipant) { p.Doc = json.RawMessage("{") },
		} {
			broken := again
			bad(&broken)
			if db.PutStageParticipant(ctx, broken) == nil {
				t.Errorf("%+v was taken", broken)
			}
		}
		for _, who := range [][3]string{{"b", "s", p.ParticipantID}, {"a", "r", p.ParticipantID}, {"a", "s", "x"}} {
			_, err := db.StageParticipant(ctx, who[0], who[1], who[2])
			wantKind(t, err, fault.NotFound)
		}
	})
}

func TestParticipantsAreFilteredPageByPage(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for n := range 12 {
			p := stageParticipant("s", n)
			p.Published = n%2 == 0
			if n%4 == 0 {
				p.State, p.Left = store.Disconnected, start.Add(time.Hour)
			}
			if n%6 == 3 {
				p.Recording = "FAILED"
			}
			check(t, db.PutStageParticipant(ctx, p))
			p.Recording = "" // says nothing about it
			check(t, db.PutStageParticipant(ctx, p))
			check(t, db.PutStageParticipant(ctx, stageParticipant("other", n)))
		}
		yes, no, u1, nobody := true, false, "u1", "nobody"
		for _, c := range []struct {
			name   string
			filter store.StageParticipantFilter
			want   string
		}{
			{"all", store.StageParticipantFilter{}, "11 10 9 8 7 6 5 4 3 2 1 0"},
			{"published", store.StageParticipantFilter{Published: &yes}, "10 8 6 4 2 0"},
			{"not published", store.StageParticipantFilter{Published: &no}, "11 9 7 5 3 1"},
			{"connected", store.StageParticipantFilter{State: store.Connected}, "11 10 9 7 6 5 3 2 1"},
			{"disconnected", store.StageParticipantFilter{State: store.Disconnected}, "8 4 0"},
			{"of a user", store.StageParticipantFilter{UserID: &u1}, "10 7 4 1"},
			{"whose recording failed", store.StageParticipantFilter{Recording: "FAILED"}, "9 3"},
			{"of nobody", store.StageParticipantFilter{UserID: &nobody}, ""},
			{"in an unknown state", store.StageParticipantFilter{State: "AWAY"}, ""},
		} {
			var got []string
			for after := (*store.Cursor)(nil); ; {
				page, next, err := db.StageParticipants(ctx, "a", "s", c.filter, 2, after)
				check(t, err)
				for _, p := range page {
					n := strings.TrimLeft(strings.TrimPrefix(p.ParticipantID, "p"), "0")
					got = append(got, map[bool]string{true: "0", false: n}[n == ""])
				}
				if after = next; after == nil {
					break
				}
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s: got %s, want %s", c.name, s, c.want)
			}
		}
		if page, _, err := db.StageParticipants(ctx, "another stage", "s", store.StageParticipantFilter{}, 10, nil); len(page) > 0 || err != nil {
			t.Errorf("by the name of another stage: %v, %v", page, err)
		}
	})
}

// A crowd that watched costs nothing to whoever asks for the few that publish, or that are there.
func TestPageOfParticipantsIsOneWalkAlongOneIndex(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		size := enough(t)
		check(t, store.FillParticipants(ctx, db, size))
		yes, user := true, "u5"
		for index, filter := range map[string]store.StageParticipantFilter{
			"stage_participants_by_join":   {},
			"stage_participants_by_user":   {UserID: &user},
			"stage_participants_published": {Published: &yes},
			"stage_participants_connected": {State: store.Connected},
			"stage_participants_recorded":  {Recording: "FAILED"},
		} {
			for _, after := range []*store.Cursor{nil, {Time: int64(size / 2), ARN: fmt.Sprint("p", size/2)}} {
				plan := must[string](t)(store.PlanOfParticipants(ctx, db, filter, after))
				if !strings.Contains(plan, index) {
					t.Errorf("%s is not walked:\n%s", index, plan)
				}
				for _, bad := range []string{"SCAN", "TEMP B-TREE", "Sort", "Seq Scan", "Bitmap", "Hash"} {
					if strings.Contains(plan, bad) {
						t.Errorf("%s: the plan has a %q:\n%s", index, bad, plan)
					}
				}
			}
		}
	})
}

func TestEventsOfAParticipantAreNumberedAndPaged(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		check(t, db.InsertStageSession(ctx, store.StageSession{SessionID: "s", StageARN: "a", Started: start}))
		var want, got []store.StageEvent
		for i, name := range []string{"JOINED", "SUBSCRIBE_STARTED", "PUBLISH_ERROR", "SUBSCRIBE_STOPPED", "TOKEN_EXCHANGED", "LEFT"} {
			e := store.StageEvent{SessionID: "s", ParticipantID: "p", Time: start.Add(time.Duration(i) * time.Second), Name: name}
			if strings.HasPrefix(name, "SUBSCRIBE") {
				e.RemoteParticipantID = "q"
			}
			if strings.HasSuffix(name, "ERROR") {
				e.ErrorCode = "QUOTA_EXCEEDED"
			}
			if strings.HasPrefix(name, "TOKEN") {
				e.PreviousToken, e.NewToken = `{"userId":"old"}`, `{"userId":"new"}`
			}
			check(t, db.AppendStageEvent(ctx, e))
			other := e
			other.ParticipantID = "other"
			check(t, db.AppendStageEvent(ctx, other))
			e.Seq = int64(i + 1)
			want = append(want, e)
		}
		wantKind(t, db.AppendStageEvent(ctx, want[1]), fault.Conflict)
		for after := (*store.Cursor)(nil); ; {
			page, next, err := db.StageEvents(ctx, "a", "s", "p", 2, after)
			check(t, err)
			got = append(got, page...)
			if after = next; after == nil {
				break
			}
		}
		slices.Reverse(got) // the newest come first
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		for _, who := range [][3]string{{"b", "s", "p"}, {"a", "r", "p"}, {"a", "s", "x"}} {
			if page, _, err := db.StageEvents(ctx, who[0], who[1], who[2], 10, nil); len(page) > 0 || err != nil {
				t.Errorf("%v: %v, %v", who, page, err)
			}
		}
	})
}

func TestSubscriptionsThatNothingEndedAreOpen(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for _, e := range []string{"+q", "+r", "-q", "+q", "-r", "+t"} {
			name := map[byte]string{'+': "SUBSCRIBE_STARTED", '-': "SUBSCRIBE_STOPPED"}[e[0]]
			check(t, db.AppendStageEvent(ctx, store.StageEvent{SessionID: "s", ParticipantID: "p", Time: start, Name: name, RemoteParticipantID: e[1:]}))
		}
		check(t, db.AppendStageEvent(ctx, store.StageEvent{SessionID: "s", ParticipantID: "p", Time: start, Name: "SUBSCRIBE_ERROR", RemoteParticipantID: "v"}))
		want := []store.StageSubscription{{ParticipantID: "p", RemoteParticipantID: "q"}, {ParticipantID: "p", RemoteParticipantID: "t"}}
		if diff := cmp.Diff(want, must[[]store.StageSubscription](t)(db.OpenStageSubscriptions(ctx, "s", "p"))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestRevokedSeatStaysRevoked(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		now := start
		db := open(t, url, store.Options{Now: func() time.Time { return now }})
		ctx := t.Context()
		revoked := func(stage, participant string, want bool) {
			t.Helper()
			if got := must[bool](t)(db.SeatRevoked(ctx, stage, participant)); got != want {
				t.Errorf("%s of %s at %v: revoked %v", participant, stage, now, got)
			}
		}
		revoked("a", "p", false)
		check(t, db.RevokeSeat(ctx, "a", "p", start.Add(time.Hour)))
		check(t, db.RevokeSeat(ctx, "a", "p", start.Add(time.Minute))) // never shortened
		revoked("a", "p", true)
		revoked("a", "q", false)
		revoked("b", "p", false)
		now = start.Add(30 * time.Minute)
		check(t, db.RevokeSeat(ctx, "a", "q", start.Add(2*time.Hour)))
		revoked("a", "p", true)
		if diff := cmp.Diff([]string{"p", "q"}, must[[]string](t)(db.RevokedSeats(ctx, "a"))); diff != "" {
			t.Error(diff)
		}
		now = start.Add(90 * time.Minute) // its token ended long ago: the row may go
		check(t, db.RevokeSeat(ctx, "b", "x", start.Add(2*time.Hour)))
		revoked("a", "p", false)
		revoked("a", "q", true)
	})
}

func TestOldStageSessionsAreTrimmedWithAllThatHappened(t *testing.T) {
	both(t, func(t *testing.T, db *store.DB) {
		const old = 600 // more than one statement removes
		ctx, limit := t.Context(), start.Add(time.Hour)
		add := func(ctx context.Context, s store.StageSession) error {
			if err := db.InsertStageSession(ctx, s); err != nil {
				return err
			}
			for n := range 2 {
				p := stageParticipant(s.SessionID, n)
				if err := db.PutStageParticipant(ctx, p); err != nil {
					return err
				}
				e := store.StageEvent{SessionID: s.SessionID, ParticipantID: p.ParticipantID, Name: "JOINED", Time: start}
				if err := db.AppendStageEvent(ctx, e); err != nil {
					return err
				}
			}
			return nil
		}
		check(t, db.Tx(ctx, func(ctx context.Context) error {
			for n := range old {
				s := stageSession("a", n)
				s.Ended = limit.Add(-time.Duration(n+1) * time.Microsecond)
				if err := add(ctx, s); err != nil {
					return err
				}
			}
			return nil
		}))
		just, live := stageSession("a", old), stageSession("a", old+1)
		just.Ended = limit
		check(t, add(ctx, just))
		check(t, add(ctx, live))
		for _, want := range []int{old, 0} {
			if n := must[int](t)(db.TrimStageSessions(ctx, limit)); n != want {
				t.Errorf("trimmed %d, want %d", n, want)
			}
		}
		list, _, err := db.StageSessions(ctx, "a", 10, nil)
		check(t, err)
		if diff := cmp.Diff([]store.StageSession{live, just}, list); diff != "" {
			t.Error(diff)
		}
		for _, table := range []string{"stage_participants", "stage_events"} {
			if n := must[int](t)(store.CountRows(ctx, db, table)); n != 4 {
				t.Errorf("%d rows are left in %s, want 4", n, table)
			}
		}
	})
}
