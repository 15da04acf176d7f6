package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

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
	Doc                                json.RawMessage // what package stage knows of it
	Node                               string          // where it is or was
}

const participantColumns = `session_id, participant_id, stage_arn, user_id, state, published, publishing, joined, departed, doc, node`

func scanStageParticipant(s scanner) (p StageParticipant, err error) {
	var published, publishing, joined, departed int64
	var doc []byte
	err = s.Scan(&p.SessionID, &p.ParticipantID, &p.StageARN, &p.UserID, &p.State, &published, &publishing, &joined, &departed, &doc, &p.Node)
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
// joining stays, and that it published once. A nil Doc is kept as null.
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
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (session_id, participant_id) DO UPDATE SET user_id = excluded.user_id, state = excluded.state,
			published = CASE WHEN excluded.published = 1 THEN 1 ELSE stage_participants.published END,
			publishing = excluded.publishing, departed = excluded.departed, doc = excluded.doc, node = excluded.node`,
		p.SessionID, p.ParticipantID, p.StageARN, p.UserID, p.State, flag(p.Published || p.Publishing), flag(p.Publishing),
		micros(p.Joined), micros(p.Left), doc, p.Node)
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
		b.WriteString(` AND user_id = $5`)
		args = append(args, *f.UserID)
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
	fmt.Fprintf(&b, ` ORDER BY joined DESC, participant_id DESC LIMIT %d`, limit+1)
	return b.String(), args
}
