// Package store is the database: everything that must outlive the process goes through it, and all
// SQL of the product is in it. One SQL text runs on SQLite, a file with nothing to install, and on
// PostgreSQL; the dialect differs in how a handle is opened, in row locks and in a few words of DDL.
//
// What is promised:
//
//   - A change that was acknowledged survives kill -9 of the process. SQLite runs in WAL mode with
//     synchronous=NORMAL: a commit is in the kernel's hands before it returns, so only a crash of the
//     machine can lose the last commits, and even then the file stays consistent. PostgreSQL keeps its
//     own settings.
//   - Transactions ride in the context: whatever is called with the context that [DB.Tx] hands out is
//     part of that transaction. See [DB.Tx] for what a function inside one may do.
//   - Times are kept in microseconds. Creation times grow strictly within one process, so that lists
//     come newest first and never reorder.
//   - Documents have a version that grows by one with each change; no update is ever lost.
//   - The outbox numbers events in the order of their commits: whoever has read number n will never
//     again meet a smaller one.
//
// What is not: there is no interface to hide the database behind, no query builder, and no cache.
//
// Errors are faults where a caller can act on them (NotFound, Conflict, Invalid, and Unavailable when
// the database is away); anything else is internal. Files of this package use query, queryOne and exec
// for all SQL, which find the transaction in the context.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Options are the optional needs of a DB. The zero value serves.
type Options struct {
	Log *slog.Logger     // nil: slog.Default()
	Now func() time.Time // nil: time.Now
}

// DB is an open, migrated database. It is safe for concurrent use.
type DB struct {
	log     *slog.Logger
	clock   *clock
	dialect *dialect

	w *sql.DB // writes; one connection on SQLite
	r *sql.DB // reads outside transactions; the same handle as w on PostgreSQL

	oncePurged atomic.Int64 // when Once last purged, in microseconds
}

// Open opens the database that url names, "sqlite:/path/to/file.db" or "postgres://…", and brings its
// tables up to date. Several processes may open one PostgreSQL database at the same time: one
// migrates, the others wait.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d, err := dialectOf(url)
	if err != nil {
		return nil, err
	}
	db := &DB{log: o.Log, clock: &clock{now: o.Now}, dialect: d}
	if db.w, db.r, err = d.open(ctx, url); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := db.migrate(ctx, url); err != nil {
		db.Close()
		return nil, fmt.Errorf("migrate database: %w", err)
	}
	return db, nil
}

// Close waits for running statements and closes the database. Nothing may be called after it.
func (db *DB) Close() error {
	var err error
	if db.r != db.w {
		err = db.r.Close()
	}
	if e := db.w.Close(); e != nil {
		err = e
	}
	return err
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	_, _, err := queryOne(ctx, db, scanInt, `SELECT 1`)
	return err
}

// clock gives times that grow by at least a microsecond from call to call.
type clock struct {
	now  func() time.Time
	last atomic.Int64
}

// next gives the time in microseconds, later than any it gave before.
func (c *clock) next() int64 {
	for {
		last := c.last.Load()
		t := max(c.now().UnixMicro(), last+1)
		if c.last.CompareAndSwap(last, t) {
			return t
		}
	}
}

// micros and fromMicros carry times in and out of the tables: the zero Time is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}
