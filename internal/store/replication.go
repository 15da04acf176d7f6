package store

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Replication is one time that a participant of a stage was shown on another stage, too.
type Replication struct {
	ID                                   string
	ParticipantID, UserID                string
	SourceStage, SourceSession           string
	DestinationStage, DestinationSession string
	Started, Ended                       time.Time // zero while it runs
}

const replicationColumns = `id, participant_id, user_id, source_stage, source_session, destination_stage, destination_session, started, ended`

func scanReplication(s scanner) (r Replication, err error) {
	var started, ended int64
	err = s.Scan(&r.ID, &r.ParticipantID, &r.UserID, &r.SourceStage, &r.SourceSession, &r.DestinationStage, &r.DestinationSession, &started, &ended)
	r.Started, r.Ended = fromMicros(started), fromMicros(ended)
	return r, err
}

// PutReplication writes a replication that began, or that one ended.
func (db *DB) PutReplication(ctx context.Context, r Replication) error {
	_, err := db.exec(ctx, `INSERT INTO stage_replications (`+replicationColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (id) DO UPDATE SET ended = excluded.ended`,
		r.ID, r.ParticipantID, r.UserID, r.SourceStage, r.SourceSession, r.DestinationStage, r.DestinationSession, micros(r.Started), micros(r.Ended))
	return err
}

// Replications reads a page of a participant's replications to other stages, newest first, and the cursor of
// the next page, nil at the end. The cursor's ARN field holds an id. What is unknown has none.
func (db *DB) Replications(ctx context.Context, sourceStage, participantID string, limit int, after *Cursor) ([]Replication, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, db, scanReplication, fmt.Sprintf(`SELECT `+replicationColumns+` FROM stage_replications
		WHERE source_stage = $1 AND participant_id = $2 AND (started, id) < ($3, $4) ORDER BY started DESC, id DESC LIMIT %d`, limit+1),
		sourceStage, participantID, at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Started), ARN: last.ID}, nil
}

// ReplicationsInSession reads, for participants, the replications from a session of a stage or to it that run, and
// the last one to begin in each direction; oldest first.
func (db *DB) ReplicationsInSession(ctx context.Context, sessionID string, participantIDs ...string) ([]Replication, error) {
	if len(participantIDs) == 0 {
		return nil, nil
	}
	var parts []string
	for _, session := range []string{"source_session", "destination_session"} {
		of := session + ` = $1 AND participant_id IN (` + places(2, len(participantIDs)) + `)`
		parts = append(parts, `SELECT `+replicationColumns+` FROM stage_replications WHERE `+of+` AND (ended = 0 OR (participant_id, started) IN
			(SELECT participant_id, max(started) FROM stage_replications WHERE `+of+` GROUP BY participant_id))`)
	}
	return query(ctx, db, scanReplication, strings.Join(parts, ` UNION `)+` ORDER BY started, id`, append([]any{sessionID}, anys(participantIDs)...)...)
}
