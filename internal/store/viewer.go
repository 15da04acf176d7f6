package store

import (
	"context"
	"time"
)

// ViewerRevocation is who may not watch a channel any more, with sessions of a version up to Version.
type ViewerRevocation struct {
	ChannelARN, ViewerID string
	Version              int64
	Time                 time.Time
}

// RevokeViewer writes a revocation down. The greatest version that was ever revoked of a viewer counts,
// and the latest time.
func (db *DB) RevokeViewer(ctx context.Context, r ViewerRevocation) error {
	_, err := db.exec(ctx, `INSERT INTO viewer_revocations (channel_arn, viewer_id, version, time) VALUES ($1, $2, $3, $4)
		ON CONFLICT (channel_arn, viewer_id) DO UPDATE SET
			version = CASE WHEN excluded.version > viewer_revocations.version THEN excluded.version ELSE viewer_revocations.version END,
			time = CASE WHEN excluded.time > viewer_revocations.time THEN excluded.time ELSE viewer_revocations.time END`,
		r.ChannelARN, r.ViewerID, r.Version, micros(r.Time))
	return err
}

func scanViewerRevocation(s scanner) (r ViewerRevocation, err error) {
	var at int64
	err = s.Scan(&r.ChannelARN, &r.ViewerID, &r.Version, &at)
	r.Time = fromMicros(at)
	return r, err
}

// ViewerRevocations reads the revocations of all channels from the given time on, oldest first.
func (db *DB) ViewerRevocations(ctx context.Context, since time.Time) ([]ViewerRevocation, error) {
	return query(ctx, db, scanViewerRevocation, `SELECT channel_arn, viewer_id, version, time FROM viewer_revocations
		WHERE time >= $1 ORDER BY time, channel_arn, viewer_id`, micros(since))
}

// TrimViewerRevocations removes revocations from before the given time, and gives their number. It lets
// others write in between; on an error the number is of those that are gone by then.
func (db *DB) TrimViewerRevocations(ctx context.Context, before time.Time) (int, error) {
	return db.trim(ctx, `DELETE FROM viewer_revocations WHERE (channel_arn, viewer_id) IN (
		SELECT channel_arn, viewer_id FROM viewer_revocations WHERE time < $1 ORDER BY time LIMIT $2)`, before)
}
