package site

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/store"
)

// floor is the running side of stages without any media: tests say who does what, and it writes down what
// the real one would, where the operations of ivs-realtime find it.
type floor struct {
	db  *store.DB
	now func() time.Time

	mu       sync.Mutex
	sessions map[string]string // by stage ARN
	events   int
}

func newFloor(db *store.DB, now func() time.Time) *floor {
	return &floor{db: db, now: now, sessions: map[string]string{}}
}

func (f *floor) ActiveSession(stage string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sessions[stage]
}

func (f *floor) CloseStage(context.Context, string)     {}
func (f *floor) Cut(context.Context, string, ...string) {}

func (f *floor) Disconnect(ctx context.Context, stage, participant, _ string) error {
	return f.db.RevokeSeat(ctx, stage, participant, f.now().Add(time.Hour))
}

// does has somebody do something on a stage: "PUBLISH_STARTED", "PUBLISH_STOPPED" or "LEFT". It gives the
// event that EventBridge would, for those that have one.
func (w *world) does(token, what string) (event string) {
	w.t.Helper()
	s, err := w.tokens.Verify(token, w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	f, ctx, now := w.floor, w.t.Context(), w.clock.Now()
	f.mu.Lock()
	session := f.sessions[s.StageARN]
	if session == "" {
		session = "st-" + arn.NewID(13)
		f.sessions[s.StageARN] = session
		err = f.db.InsertStageSession(ctx, store.StageSession{SessionID: session, StageARN: s.StageARN, Started: now, Node: "n"})
	}
	f.events++
	id := fmt.Sprint("stage event ", f.events)
	f.mu.Unlock()
	if err != nil {
		w.t.Fatal(err)
	}
	p := store.StageParticipant{
		SessionID: session, ParticipantID: s.ParticipantID, StageARN: s.StageARN, UserID: s.UserID, State: store.Connected,
		Publishing: what == "PUBLISH_STARTED", Joined: now, Node: "n",
	}
	if what == "LEFT" {
		p.State, p.Left = store.Disconnected, now
	}
	if err := f.db.PutStageParticipant(ctx, p); err != nil {
		w.t.Fatal(err)
	}
	if err := f.db.AppendStageEvent(ctx, store.StageEvent{SessionID: session, ParticipantID: s.ParticipantID, Time: now, Name: what}); err != nil {
		w.t.Fatal(err)
	}
	name := map[string]string{"PUBLISH_STARTED": "Participant Published", "PUBLISH_STOPPED": "Participant Unpublished"}[what]
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": id, "detail-type": "IVS Stage Update", "source": "aws.ivs", "account": "000000000000",
		"time": now.UTC().Truncate(time.Second), "region": "us-east-1", "resources": []string{s.StageARN},
		"detail": map[string]string{
			"session_id": session, "event_name": name, "event_time": now.UTC().Format(time.RFC3339Nano),
			"user_id": s.UserID, "participant_id": s.ParticipantID,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// refused says whether a stage takes the token of an answer no more.
func (w *world) refused(a answer) bool {
	w.t.Helper()
	s, err := w.tokens.Verify(a.json("token").(string), w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	yes, err := w.DB.SeatRevoked(w.t.Context(), s.StageARN, s.ParticipantID)
	if err != nil {
		w.t.Fatal(err)
	}
	return yes
}
