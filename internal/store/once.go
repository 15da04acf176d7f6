package store

import (
	"context"
	"time"
)

// purgeEvery says how often one process removes what Once no longer needs.
const purgeEvery = time.Minute

// Once is true for the first caller with this purpose and id, in all processes, and false for every
// later one. The memory lasts until the given time at least; whoever relies on it must refuse an id
// that is past that time by itself.
func (db *DB) Once(ctx context.Context, purpose, id string, until time.Time) (first bool, err error) {
	if err := db.purgeOnce(ctx); err != nil {
		return false, err
	}
	n, err := db.exec(ctx, `INSERT INTO once (purpose, id, until) VALUES ($1, $2, $3)
		ON CONFLICT (purpose, id) DO NOTHING`, purpose, id, micros(until))
	return n == 1, err
}

func (db *DB) purgeOnce(ctx context.Context) error {
	now, last := micros(db.clock.now()), db.oncePurged.Load()
	if now-last < purgeEvery.Microseconds() || !db.oncePurged.CompareAndSwap(last, now) {
		return nil
	}
	_, err := db.exec(ctx, `DELETE FROM once WHERE until < $1`, now)
	return err
}
