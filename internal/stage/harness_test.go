package stage_test

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; nothing takes nearly as long.
const patience = 20 * time.Second

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to be that %s", what)
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is what nodes share.
type world struct {
	t         testing.TB
	db        *store.DB
	bus       *bus.Bus
	seats     *auth.Seats
	directory *directory
	stage     string // ARN of a stage to begin with
}

var (
	quiet  = slog.New(slog.DiscardHandler)
	minter = arn.Minter{Region: "us-east-1", Account: "000000000000"}
)

func newWorld(t testing.TB) *world {
	t.Helper()
	dir, ctx := t.TempDir(), context.Background()
	w := &world{t: t, directory: &directory{stages: map[string]bool{}, signers: map[string]*ecdsa.PublicKey{}, buckets: map[string]string{}, keys: map[string]stage.Ingest{}}, seats: newSeats(t)}
	var err error
	w.db, err = store.Open(ctx, storetest.SQLite(t), store.Options{Log: quiet})
	check(t, err)
	t.Cleanup(func() { _ = w.db.Close() })
	w.bus, err = bus.Open(ctx, bus.Options{Dir: filepath.Join(dir, "bus"), Log: quiet})
	check(t, err)
	t.Cleanup(func() { check(t, w.bus.Close(ctx)) })
	w.stage = w.newStage()
	return w
}

func newSeats(t testing.TB) *auth.Seats {
	t.Helper()
	keys, err := auth.OpenKeyring(filepath.Join(t.TempDir(), "keys"))
	check(t, err)
	seats, err := auth.NewSeats(keys)
	check(t, err)
	return seats
}

func (w *world) newStage() string {
	name := minter.New(arn.Stage)
	w.directory.set(name, true)
	return name
}

// token mints a participant's token for the world's stage.
func (w *world) token(id string, change ...func(*auth.Seat)) string {
	w.t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	s := auth.Seat{
		ParticipantID: id, StageARN: w.stage, StageID: arn.ID(w.stage), UserID: "user-" + id, Attributes: map[string]string{"username": id},
		Publish: true, Subscribe: true, Issued: now, Expires: now.Add(time.Hour),
	}
	for _, f := range change {
		f(&s)
	}
	token, err := w.seats.Mint(s)
	check(w.t, err)
	return token
}

// node is one server with a manager.
type node struct {
	*world
	m   *stage.Manager
	srv *httptest.Server
	reg *prometheus.Registry

	clock func() time.Time // of the media port; nil: time.Now
}

func (w *world) node(change ...func(*stage.Deps)) *node {
	w.t.Helper()
	n := &node{world: w, reg: prometheus.NewRegistry()}
	d := stage.Deps{
		Directory: w.directory, DB: w.db, Bus: w.bus, Minter: minter, Seats: w.seats, Node: "n1", Log: quiet, Registerer: n.reg,
		Grace: time.Hour, Away: time.Hour,
	}
	for _, f := range change {
		f(&d)
	}
	var err error
	n.m, err = stage.NewManager(d)
	check(w.t, err)
	n.srv = httptest.NewServer(n.m)
	w.t.Cleanup(func() {
		n.shutdown()
		n.srv.Close()
	})
	return n
}

func newNode(t testing.TB, change ...func(*stage.Deps)) *node {
	t.Helper()
	return newWorld(t).node(change...)
}

func (n *node) shutdown() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	check(n.t, n.m.Shutdown(ctx))
}

// written waits until all that happened is in the database.
func (n *node) written() {
	n.t.Helper()
	eventually(n.t, "all is written", n.m.Idle)
}

// history gives the names of a participant's events in all sessions, oldest session first.
func (n *node) history(participant string) []string {
	n.t.Helper()
	return n.historyAt(n.stage, participant)
}

// historyAt is history on another stage than the world's.
func (n *node) historyAt(stageARN, participant string) []string {
	n.t.Helper()
	n.written()
	sessions, _, err := n.db.StageSessions(context.Background(), stageARN, 100, nil)
	check(n.t, err)
	slices.Reverse(sessions)
	var names []string
	for _, s := range sessions {
		events, _, err := n.db.StageEvents(context.Background(), stageARN, s.SessionID, participant, 1000, nil)
		check(n.t, err)
		slices.Reverse(events)
		for _, e := range events {
			name := e.Name
			for _, more := range []string{e.RemoteParticipantID, e.ErrorCode} {
				if more != "" {
					name += " " + more
				}
			}
			names = append(names, name)
		}
	}
	return names
}

// told gives what EventBridge is told of the world's stage: names and participants.
func (n *node) told() []string {
	n.t.Helper()
	n.written()
	events, err := n.db.Events(context.Background(), 0, 1000)
	check(n.t, err)
	var names []string
	for _, e := range events {
		var d struct {
			SessionID     string    `json:"session_id"`
			EventName     string    `json:"event_name"`
			EventTime     time.Time `json:"event_time"`
			UserID        string    `json:"user_id"`
			ParticipantID string    `json:"participant_id"`
			ErrorCode     string    `json:"error_code"`
		}
		check(n.t, json.Unmarshal(e.Detail, &d))
		if e.DetailType != "IVS Stage Update" || !slices.Equal(e.Resources, []string{n.stage}) || len(d.SessionID) != 16 || d.EventTime.IsZero() ||
			d.UserID != "user-"+d.ParticipantID {
			n.t.Errorf("event: %+v, %s", e, e.Detail)
		}
		names = append(names, strings.TrimSpace(d.EventName+" "+d.ParticipantID+" "+d.ErrorCode))
	}
	return names
}

// row reads a participant of the only session.
func (n *node) row(participant string) store.StageParticipant {
	n.t.Helper()
	n.written()
	sessions, _, err := n.db.StageSessions(context.Background(), n.stage, 1, nil)
	check(n.t, err)
	p, err := n.db.StageParticipant(context.Background(), n.stage, sessions[0].SessionID, participant)
	check(n.t, err)
	return p
}

func (n *node) metric(name string) (sum float64) {
	n.t.Helper()
	return n.sum("stage_" + name)
}

// sum adds up a metric, of some values of its first label or of all.
func (n *node) sum(name string, labels ...string) (sum float64) {
	n.t.Helper()
	families, err := n.reg.Gather()
	check(n.t, err)
	for _, f := range families {
		if f.GetName() == "streamcat_"+name {
			for _, m := range f.GetMetric() {
				if len(labels) > 0 && !slices.Contains(labels, m.GetLabel()[0].GetValue()) {
					continue
				}
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}
