package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// StreamSession is one broadcast on a channel, from the encoder's connection to its end.
type StreamSession struct {
	StreamID   string
	ChannelARN string
	Started    time.Time
	Ended      time.Time       // zero while live
	Doc        json.RawMessage // what package channel knows of it
	Node       string          // where it runs or ran
}

func scanStreamSession(s scanner) (ss StreamSession, err error) {
	var started, ended int64
	var doc []byte
	if err := s.Scan(&ss.StreamID, &ss.ChannelARN, &started, &ended, &doc, &ss.Node); err != nil {
		return ss, err
	}
	ss.Started, ss.Ended, ss.Doc = fromMicros(started), fromMicros(ended), doc
	return ss, nil
}

const sessionColumns = `stream_id, channel_arn, started, ended, doc, node`

func missingSession(id string) error { return fault.Missing("stream session %s does not exist", id) }

// InsertStreamSession adds a session. It is a Conflict if the id is taken. A nil Doc is kept as null.
func (db *DB) InsertStreamSession(ctx context.Context, s StreamSession) error {
	doc, err := sessionDoc(s)
	if err != nil {
		return err
	}
	n, err := db.exec(ctx, `INSERT INTO stream_sessions (`+sessionColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (stream_id) DO NOTHING`,
		s.StreamID, s.ChannelARN, micros(s.Started), micros(s.Ended), doc, s.Node)
	if err == nil && n == 0 {
		err = fault.InConflict("stream session %s exists already", s.StreamID)
	}
	return err
}

func sessionDoc(s StreamSession) (string, error) {
	if s.Doc == nil {
		return "null", nil
	}
	if !json.Valid(s.Doc) {
		return "", fmt.Errorf("store: stream session %s: the document is not JSON", s.StreamID)
	}
	return string(s.Doc), nil
}

// UpdateStreamSession reads a session, lets change alter it, and writes it. Nothing comes between;
// change must be quick and may run more than once; the id and the channel stay as they are. An error
// of change comes back unchanged, and nothing is written. Absence is NotFound.
func (db *DB) UpdateStreamSession(ctx context.Context, id string, change func(*StreamSession) error) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		s, ok, err := queryOne(ctx, db, scanStreamSession,
			`SELECT `+sessionColumns+` FROM stream_sessions WHERE stream_id = $1`+db.dialect.forUpdate, id)
		if err != nil {
			return err
		}
		if !ok {
			return missingSession(id)
		}
		if err := change(&s); err != nil {
			return err
		}
		doc, err := sessionDoc(s)
		if err != nil {
			return err
		}
		_, err = db.exec(ctx, `UPDATE stream_sessions SET started = $1, ended = $2, doc = $3, node = $4 WHERE stream_id = $5`,
			micros(s.Started), micros(s.Ended), doc, s.Node, id)
		return err
	})
}

// StreamSession reads a session of a channel: the newest one if streamID is empty. Absence is NotFound.
func (db *DB) StreamSession(ctx context.Context, channelARN, streamID string) (StreamSession, error) {
	s, ok, err := queryOne(ctx, db, scanStreamSession, `SELECT `+sessionColumns+` FROM stream_sessions
		WHERE channel_arn = $1 AND ($2 = '' OR stream_id = $2) ORDER BY started DESC, stream_id DESC LIMIT 1`, channelARN, streamID)
	if err == nil && !ok {
		err = missingSession(streamID)
		if streamID == "" {
			err = fault.Missing("the channel has no stream session")
		}
	}
	return s, err
}

// StreamSessions reads a page of a channel's sessions, newest first, and the cursor of the next page,
// nil at the end. The cursor's ARN field holds a stream id.
func (db *DB) StreamSessions(ctx context.Context, channelARN string, limit int, after *Cursor) ([]StreamSession, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, db, scanStreamSession, fmt.Sprintf(`SELECT `+sessionColumns+` FROM stream_sessions
		WHERE channel_arn = $1 AND (started, stream_id) < ($2, $3)
		ORDER BY started DESC, stream_id DESC LIMIT %d`, limit+1), channelARN, at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Started), ARN: last.StreamID}, nil
}

// OpenStreamSessions reads the sessions of all channels that have not ended, oldest first.
func (db *DB) OpenStreamSessions(ctx context.Context) ([]StreamSession, error) {
	return query(ctx, db, scanStreamSession,
		`SELECT `+sessionColumns+` FROM stream_sessions WHERE ended = 0 ORDER BY started, stream_id`)
}

// TrimStreamSessions removes sessions that ended before the given time, and gives their number. It lets
// others write in between; on an error the number is of those that are gone by then.
func (db *DB) TrimStreamSessions(ctx context.Context, before time.Time) (int, error) {
	return db.trim(ctx, `DELETE FROM stream_sessions WHERE stream_id IN (
		SELECT stream_id FROM stream_sessions WHERE ended > 0 AND ended < $1 ORDER BY ended LIMIT $2)`, before)
}

// trimChunk is how many rows one statement of trim removes: it holds up other writers for no longer.
const trimChunk = 500

// trim repeats a statement that removes at most $2 rows from before $1, until it finds no more.
func (db *DB) trim(ctx context.Context, text string, before time.Time) (int, error) {
	for total := 0; ; {
		n, err := db.exec(ctx, text, micros(before), trimChunk)
		total += int(n)
		if err != nil || n < trimChunk {
			return total, err
		}
	}
}
