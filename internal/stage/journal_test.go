package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func newTestJournal(t *testing.T) (*journal, *store.DB) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(context.Background(), storetest.SQLite(t), store.Options{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(db, log, newMetrics(nil, nil), func() {})
	t.Cleanup(func() {
		j.abandon()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return j, db
}

func happened(participant, event string) entry {
	return entry{
		put: &store.StageParticipant{
			SessionID: "s", ParticipantID: participant, StageARN: "a", State: store.Connected, Joined: time.Unix(1, 0), Doc: []byte(`{}`),
		},
		events: []store.StageEvent{{SessionID: "s", ParticipantID: participant, Time: time.Unix(1, 0), Name: event}},
	}
}

func flush(t *testing.T, j *journal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := j.close(ctx); err != nil {
		t.Fatal(err)
	}
}

// The database may have taken a batch though its answer was lost: nothing is written twice.
func TestBatchIsWrittenOnce(t *testing.T) {
	j, db := newTestJournal(t)
	tell := update("a", "s", "Participant Published", "u", "p", "", time.Unix(1, 0))
	e := happened("p", "PUBLISH_STARTED")
	e.tell = []store.Event{tell}
	for range 2 {
		if err := j.write("batch", []entry{{begin: &store.StageSession{SessionID: "s", StageARN: "a"}}, e}); err != nil {
			t.Fatal(err)
		}
	}
	events, _, err := db.StageEvents(t.Context(), "a", "s", "p", 10, nil)
	told, err2 := db.Events(t.Context(), 0, 10)
	if len(events) != 1 || len(told) != 1 || errors.Join(err, err2) != nil {
		t.Errorf("%d events, %d told: %v, %v", len(events), len(told), err, err2)
	}
}

// One entry that no database takes does not stand in the way of the others.
func TestEntryThatCannotBeWrittenIsGivenUp(t *testing.T) {
	j, db := newTestJournal(t)
	bad := happened("bad", "JOINED")
	bad.put.Doc = []byte(`{`)
	done := false
	j.add(entry{begin: &store.StageSession{SessionID: "s", StageARN: "a"}})
	j.add(happened("one", "JOINED"))
	j.add(bad)
	last := happened("two", "JOINED")
	last.done = func() { done = true }
	j.add(last)
	flush(t, j)
	list, _, err := db.StageParticipants(t.Context(), "a", "s", store.StageParticipantFilter{}, 10, nil)
	if err != nil || len(list) != 2 || !done {
		t.Errorf("participants: %+v, %v", list, err)
	}
}

func TestViewersAreForgottenFirstWhenTheDatabaseIsFarBehind(t *testing.T) {
	j, db := newTestJournal(t)
	holding, release, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- db.Tx(context.Background(), func(context.Context) error {
			close(holding)
			<-release
			return nil
		})
	}()
	<-holding
	refused := 0
	for i := range maxMinor + 10 {
		e := happened(fmt.Sprint(i), "JOINED")
		e.minor = true
		if !j.add(e) {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d were refused, want 10", refused)
	}
	if !j.add(happened("publisher", "PUBLISH_STARTED")) {
		t.Error("a publisher was refused")
	}
	close(release)
	if err := <-held; err != nil {
		t.Fatal(err)
	}
}

func TestOnlyTheLastWordOnAParticipantIsWritten(t *testing.T) {
	var got []bool
	for _, row := range lastPuts([]entry{
		happened("a", "JOINED"), happened("b", "JOINED"), happened("a", "LEFT"), {end: &ending{}}, happened("a", "JOINED"), happened("a", "LEFT"),
	}) {
		got = append(got, row != nil)
	}
	if want := "[false true true false false true]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// What only an earlier word says is not lost with it.
func TestWhoComesBackWithinABatchHasPublishedAndJoinedBefore(t *testing.T) {
	j, db := newTestJournal(t)
	first, back := happened("p", "LEFT"), happened("p", "JOINED")
	first.put.Published, back.put.Joined = true, time.Unix(9, 0)
	if err := j.write("batch", []entry{{begin: &store.StageSession{SessionID: "s", StageARN: "a"}}, first, back}); err != nil {
		t.Fatal(err)
	}
	p, err := db.StageParticipant(t.Context(), "a", "s", "p")
	if err != nil || !p.Published || !p.Joined.Equal(time.Unix(1, 0)) {
		t.Errorf("%+v, %v", p, err)
	}
}
