package store

import (
	"context"
	"time"
)

// HistoryRun is a run of points of a stream session's history, packed by package channel.
type HistoryRun struct {
	Started time.Time // of the first point, to the microsecond
	Points  []byte
}

// PutHistory writes a run of a stream session, or what has become of it since it was last written. Of a
// session that does not exist nothing is written.
func (db *DB) PutHistory(ctx context.Context, streamID string, run HistoryRun) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		_, ok, err := queryOne(ctx, db, scanText, `SELECT stream_id FROM stream_sessions WHERE stream_id = $1`+db.dialect.forUpdate, streamID)
		if err != nil || !ok {
			return err
		}
		_, err = db.exec(ctx, `INSERT INTO stream_history (stream_id, started, points) VALUES ($1, $2, $3)
			ON CONFLICT (stream_id, started) DO UPDATE SET points = excluded.points`, streamID, micros(run.Started), run.Points)
		return err
	})
}

// History reads the runs of a stream session that begin from one time to before another, oldest first, and at
// most so many.
func (db *DB) History(ctx context.Context, streamID string, from, before time.Time, limit int) ([]HistoryRun, error) {
	return query(ctx, db, func(s scanner) (r HistoryRun, err error) {
		var started int64
		if err := s.Scan(&started, &r.Points); err != nil {
			return r, err
		}
		r.Started = fromMicros(started)
		return r, nil
	}, `SELECT started, points FROM stream_history WHERE stream_id = $1 AND started >= $2 AND started < $3 ORDER BY started LIMIT $4`,
		streamID, micros(from), micros(before), limit)
}
