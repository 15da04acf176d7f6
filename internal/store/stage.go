package store

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// StageSession is one time that a stage was in use, from the first participant's coming to the end of the
// grace after the last one's going.
type StageSession struct {
	SessionID string // "st-" and 13 letters or digits
	StageARN  string
	Started   time.Time
	Ended     time.Time // zero while it runs
	Node      string    // where it runs or ran
}

// StageEvent is something that a participant did or met with. Name and ErrorCode are words of the API's
// EventName and EventErrorCode.
type StageEvent struct {
	SessionID, ParticipantID string
	Seq                      int64 // number within session and participant, from 1; 0: the next one
	Time                     time.Time
	Name                     string
	ErrorCode                string // empty: none
	RemoteParticipantID      string // whom it was about, for subscriptions
	DestinationStage         string // where it was replicated to; so is the next
	DestinationSession       string
	Replica                  bool   // the participant is replicated from another stage
	PreviousToken            string // what a token that was exchanged said, as JSON; so is the next. Empty for other events
	NewToken                 string
}

const stageSessionColumns = `session_id, stage_arn, started, ended, node`

func scanStageSession(s scanner) (ss StageSession, err error) {
	var started, ended int64
	err = s.Scan(&ss.SessionID, &ss.StageARN, &started, &ended, &ss.Node)
	ss.Started, ss.Ended = fromMicros(started), fromMicros(ended)
	return ss, err
}

// InsertStageSession adds a session. It is a Conflict if the id is taken.
func (db *DB) InsertStageSession(ctx context.Context, s StageSession) error {
	n, err := db.exec(ctx, `INSERT INTO stage_sessions (`+stageSessionColumns+`)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_id) DO NOTHING`,
		s.SessionID, s.StageARN, micros(s.Started), micros(s.Ended), s.Node)
	if err == nil && n == 0 {
		err = fault.InConflict("stage session %s exists already", s.SessionID)
	}
	return err
}

// EndStageSession ends a running session and says whether it did: false for one that ended before or that
// does not exist.
func (db *DB) EndStageSession(ctx context.Context, sessionID string, at time.Time) (bool, error) {
	n, err := db.exec(ctx, `UPDATE stage_sessions SET ended = $1 WHERE session_id = $2 AND ended = 0`, micros(at), sessionID)
	return n == 1, err
}

// StageSession reads a session of a stage. Absence is NotFound.
func (db *DB) StageSession(ctx context.Context, stageARN, sessionID string) (StageSession, error) {
	s, ok, err := queryOne(ctx, db, scanStageSession, `SELECT `+stageSessionColumns+` FROM stage_sessions
		WHERE session_id = $1 AND stage_arn = $2`, sessionID, stageARN)
	if err == nil && !ok {
		err = fault.Missing("stage session %s does not exist", sessionID)
	}
	return s, err
}

// StageSessions reads a page of a stage's sessions, newest first, and the cursor of the next page, nil at
// the end. The cursor's ARN field holds a session id. An unknown stage has none.
func (db *DB) StageSessions(ctx context.Context, stageARN string, limit int, after *Cursor) ([]StageSession, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, db, scanStageSession, fmt.Sprintf(`SELECT `+stageSessionColumns+` FROM stage_sessions
		WHERE stage_arn = $1 AND (started, session_id) < ($2, $3)
		ORDER BY started DESC, session_id DESC LIMIT %d`, limit+1), stageARN, at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Started), ARN: last.SessionID}, nil
}

// OpenStageSessions reads the sessions of all stages that have not ended, oldest first.
func (db *DB) OpenStageSessions(ctx context.Context) ([]StageSession, error) {
	return query(ctx, db, scanStageSession,
		`SELECT `+stageSessionColumns+` FROM stage_sessions WHERE ended = 0 ORDER BY started, session_id`)
}

const stageEventColumns = `session_id, participant_id, seq, time, name, error_code, remote_participant_id,
	destination_stage, destination_session, replica, previous_token, new_token`

func scanStageEvent(s scanner) (e StageEvent, err error) {
	var at, replica int64
	err = s.Scan(&e.SessionID, &e.ParticipantID, &e.Seq, &at, &e.Name, &e.ErrorCode, &e.RemoteParticipantID,
		&e.DestinationStage, &e.DestinationSession, &replica, &e.PreviousToken, &e.NewToken)
	e.Time, e.Replica = fromMicros(at), replica == 1
	return e, err
}

// AppendStageEvent adds an event of a participant. It is a Conflict if its number is taken: by another
// event, or in a race for the next one.
func (db *DB) AppendStageEvent(ctx context.Context, e StageEvent) error {
	n, err := db.exec(ctx, `INSERT INTO stage_events (`+stageEventColumns+`)
		VALUES ($1, $2, CASE WHEN $3 > 0 THEN $3 ELSE
			(SELECT coalesce(max(seq), 0) + 1 FROM stage_events WHERE session_id = $1 AND participant_id = $2) END, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (session_id, participant_id, seq) DO NOTHING`,
		e.SessionID, e.ParticipantID, e.Seq, micros(e.Time), e.Name, e.ErrorCode, e.RemoteParticipantID,
		e.DestinationStage, e.DestinationSession, flag(e.Replica), e.PreviousToken, e.NewToken)
	if err == nil && n == 0 {
		err = fault.InConflict("event %d of participant %s exists already", e.Seq, e.ParticipantID)
	}
	return err
}

// StageEvents reads a page of a participant's events, newest first, and the cursor of the next page, nil
// at the end. The cursor's Time field holds the number of an event. What is unknown has none.
func (db *DB) StageEvents(ctx context.Context, stageARN, sessionID, participantID string, limit int, after *Cursor) ([]StageEvent, *Cursor, error) {
	seq, _ := after.args()
	list, err := query(ctx, db, scanStageEvent, fmt.Sprintf(`SELECT `+stageEventColumns+` FROM stage_events WHERE session_id = $1 AND participant_id = $2 AND seq < $3
		AND EXISTS (SELECT 1 FROM stage_sessions s WHERE s.session_id = $1 AND s.stage_arn = $4)
		ORDER BY seq DESC LIMIT %d`, limit+1), sessionID, participantID, seq, stageARN)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	return list, &Cursor{Time: list[limit-1].Seq, ARN: participantID}, nil
}

// StageSubscription is who watches whom.
type StageSubscription struct{ ParticipantID, RemoteParticipantID string }

func scanStageSubscription(s scanner) (sub StageSubscription, err error) {
	return sub, s.Scan(&sub.ParticipantID, &sub.RemoteParticipantID)
}

// OpenStageSubscriptions reads which subscriptions of a participant have events that say they began, but
// none that says they ended.
func (db *DB) OpenStageSubscriptions(ctx context.Context, sessionID, participantID string) ([]StageSubscription, error) {
	return query(ctx, db, scanStageSubscription, `SELECT participant_id, remote_participant_id FROM stage_events
		WHERE session_id = $1 AND participant_id = $2 AND name IN ('SUBSCRIBE_STARTED', 'SUBSCRIBE_STOPPED')
		GROUP BY participant_id, remote_participant_id
		HAVING sum(CASE WHEN name = 'SUBSCRIBE_STARTED' THEN 1 ELSE -1 END) > 0
		ORDER BY remote_participant_id`, sessionID, participantID)
}

// RevokeSeat makes a participant's token worthless: SeatRevoked says so from now on, until the given time
// at least, which must not be before the token's own end. It does not matter whether the participant was
// ever there.
func (db *DB) RevokeSeat(ctx context.Context, stageARN, participantID string, until time.Time) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if _, err := db.exec(ctx, `DELETE FROM stage_revocations WHERE until < $1`, micros(db.clock.now())); err != nil {
			return err
		}
		_, err := db.exec(ctx, `INSERT INTO stage_revocations (stage_arn, participant_id, until) VALUES ($1, $2, $3)
			ON CONFLICT (stage_arn, participant_id) DO UPDATE SET until = excluded.until
			WHERE stage_revocations.until < excluded.until`, stageARN, participantID, micros(until))
		return err
	})
}

// SeatRevoked says whether a participant's token was revoked.
func (db *DB) SeatRevoked(ctx context.Context, stageARN, participantID string) (bool, error) {
	_, revoked, err := queryOne(ctx, db, scanInt, `SELECT until FROM stage_revocations
		WHERE stage_arn = $1 AND participant_id = $2`, stageARN, participantID)
	return revoked, err
}

// RevokedSeats lists whose tokens for a stage were revoked.
func (db *DB) RevokedSeats(ctx context.Context, stageARN string) ([]string, error) {
	return query(ctx, db, scanText,
		`SELECT participant_id FROM stage_revocations WHERE stage_arn = $1 ORDER BY participant_id`, stageARN)
}

// TrimStageSessions removes sessions that ended before the given time, with their participants and events,
// and gives the number of sessions. It lets others write in between; on an error the number is of those
// that are gone by then.
func (db *DB) TrimStageSessions(ctx context.Context, before time.Time) (int, error) {
	const old = `JOIN stage_sessions s ON s.session_id = x.session_id WHERE s.ended > 0 AND s.ended < $1 LIMIT $2`
	for _, text := range []string{ // a session goes last, or what is left of it would never be found
		`DELETE FROM stage_events WHERE (session_id, participant_id, seq) IN
			(SELECT x.session_id, x.participant_id, x.seq FROM stage_events x ` + old + `)`,
		`DELETE FROM stage_participants WHERE (session_id, participant_id) IN
			(SELECT x.session_id, x.participant_id FROM stage_participants x ` + old + `)`,
		`DELETE FROM stage_replications WHERE id IN (SELECT id FROM stage_replications WHERE ended > 0 AND ended < $1 LIMIT $2)`,
	} {
		if _, err := db.trim(ctx, text, before); err != nil {
			return 0, err
		}
	}
	return db.trim(ctx, `DELETE FROM stage_sessions WHERE session_id IN (
		SELECT session_id FROM stage_sessions WHERE ended > 0 AND ended < $1 ORDER BY ended LIMIT $2)`, before)
}
