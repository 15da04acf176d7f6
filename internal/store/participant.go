package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// The states of a StageParticipant.
const (
	Connected    = "CONNECTED"
	Disconnected = "DISCONNECTED"
)

// StageParticipant is one participant in one session of a stage, however often it comes and goes.
type StageParticipant struct {
	SessionID, ParticipantID, StageARN string
	UserID                             string
	State                              string          // Connected or Disconnected
	Published                          bool            // it did at some time in the session
	Publishing                         bool            // it does now
	Joined                             time.Time       // for the first time in the session
	Left                               time.Time       // for the last time; zero while connected
	Recording                          string          // what became of recording it, in the API's words; empty: it was not to be
	Doc                                json.RawMessage // what package stage knows of it
	Node                               string          // where it is or was
}

const participantColumns = `session_id, participant_id, stage_arn, user_id, state, published, publishing, joined, departed, recording, doc, node`

func scanStageParticipant(s scanner) (p StageParticipant, err error) {
	var published, publishing, joined, departed int64
	var doc []byte
	err = s.Scan(&p.SessionID, &p.ParticipantID, &p.StageARN, &p.UserID, &p.State, &published, &publishing, &joined, &departed, &p.Recording, &doc, &p.Node)
	p.Published, p.Publishing, p.Joined, p.Left, p.Doc = published == 1, publishing == 1, fromMicros(joined), fromMicros(departed), doc
	return p, err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// PutStageParticipant writes a participant, new or known to its session. Of a known one the first time of
// joining stays, that it published once, and what became of recording it, unless p says so anew. A nil Doc is kept as null.
func (db *DB) PutStageParticipant(ctx context.Context, p StageParticipant) error {
	doc := string(p.Doc)
	switch {
	case p.Doc == nil:
		doc = "null"
	case !json.Valid(p.Doc):
		return fmt.Errorf("store: participant %s: the document is not JSON", p.ParticipantID)
	case p.State != Connected && p.State != Disconnected:
		return fmt.Errorf("store: participant %s: there is no state %q", p.ParticipantID, p.State)
	}
	_, err := db.exec(ctx, `INSERT INTO stage_participants (`+participantColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (session_id, participant_id) DO UPDATE SET user_id = excluded.user_id, state = excluded.state,
			published = CASE WHEN excluded.published = 1 THEN 1 ELSE stage_participants.published END,
			publishing = excluded.publishing, departed = excluded.departed,
			recording = CASE WHEN excluded.recording <> '' THEN excluded.recording ELSE stage_participants.recording END, doc = excluded.doc, node = excluded.node`,
		p.SessionID, p.ParticipantID, p.StageARN, p.UserID, p.State, flag(p.Published || p.Publishing), flag(p.Publishing),
		micros(p.Joined), micros(p.Left), p.Recording, doc, p.Node)
	return err
}

// StageParticipant reads a participant of a session. Absence is NotFound.
func (db *DB) StageParticipant(ctx context.Context, stageARN, sessionID, participantID string) (StageParticipant, error) {
	p, ok, err := queryOne(ctx, db, scanStageParticipant, `SELECT `+participantColumns+` FROM stage_participants
		WHERE session_id = $1 AND participant_id = $2 AND stage_arn = $3`, sessionID, participantID, stageARN)
	if err == nil && !ok {
		err = fault.Missing("participant %s does not exist in session %s", participantID, sessionID)
	}
	return p, err
}

// StageParticipantFilter says which participants are wanted; zero members want all.
type StageParticipantFilter struct {
	UserID    *string
	Published *bool
	State     string // Connected or Disconnected
	Recording string // what became of recording it
}

// StageParticipants reads a page of a session's participants, the latest to join first, and the cursor of
// the next page, nil at the end. The cursor's ARN field holds a participant id. What is unknown has none.
func (db *DB) StageParticipants(ctx context.Context, stageARN, sessionID string, f StageParticipantFilter, limit int, after *Cursor) ([]StageParticipant, *Cursor, error) {
	text, args := participantsQuery(stageARN, sessionID, f, limit, after)
	list, err := query(ctx, db, scanStageParticipant, text, args...)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Joined), ARN: last.ParticipantID}, nil
}

// participantsQuery writes filters out where an index holds only what they want: it is used by no other
// name.
func participantsQuery(stageARN, sessionID string, f StageParticipantFilter, limit int, after *Cursor) (string, []any) {
	at, id := after.args()
	args := []any{sessionID, at, id, stageARN}
	var b strings.Builder
	b.WriteString(`SELECT ` + participantColumns + ` FROM stage_participants
		WHERE session_id = $1 AND (joined, participant_id) < ($2, $3) AND stage_arn = $4`)
	if f.UserID != nil {
		args = append(args, *f.UserID)
		fmt.Fprintf(&b, ` AND user_id = $%d`, len(args))
	}
	if f.Published != nil {
		fmt.Fprintf(&b, ` AND published = %d`, flag(*f.Published))
	}
	switch f.State {
	case "":
	case Connected:
		b.WriteString(` AND state = 'CONNECTED'`)
	case Disconnected:
		b.WriteString(` AND state = 'DISCONNECTED'`)
	default: // none is in it
		b.WriteString(` AND 1 = 0`)
	}
	if f.Recording != "" {
		args = append(args, f.Recording)
		fmt.Fprintf(&b, ` AND recording <> '' AND recording = $%d`, len(args))
	}
	fmt.Fprintf(&b, ` ORDER BY joined DESC, participant_id DESC LIMIT %d`, limit+1)
	return b.String(), args
}

// Publishing says which of these participants publish to a stage now.
func (db *DB) Publishing(ctx context.Context, stageARN string, participantIDs ...string) ([]string, error) {
	if len(participantIDs) == 0 {
		return nil, nil
	}
	return query(ctx, db, scanText, `SELECT participant_id FROM stage_participants WHERE publishing = 1 AND stage_arn = $`+
		fmt.Sprint(len(participantIDs)+1)+` AND participant_id IN (`+places(1, len(participantIDs))+`)`, append(anys(participantIDs), stageARN)...)
}

// Published says whether anybody publishes to a stage now.
func (db *DB) Published(ctx context.Context, stageARN string) (bool, error) {
	_, ok, err := queryOne(ctx, db, scanInt, `SELECT 1 FROM stage_participants WHERE publishing = 1 AND stage_arn = $1 LIMIT 1`, stageARN)
	return ok, err
}

// PublishingBy gives, in no order, the documents of a kind that have a participant who publishes now as one
// ref, and the stage it publishes to as another.
func (db *DB) PublishingBy(ctx context.Context, kind arn.Kind, participant, stage string) ([]string, error) {
	return query(ctx, db, scanText, `SELECT DISTINCT f.arn FROM stage_participants p CROSS JOIN refs f CROSS JOIN refs s
		WHERE p.publishing = 1 AND f.kind = $1 AND f.name = $2 AND f.value = p.participant_id
		AND s.arn = f.arn AND s.name = $3 AND s.value = p.stage_arn`, string(kind), participant, stage)
}
