package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	txAttempts = 12               // how often a transaction that lost a race is run
	writerWait = 15 * time.Second // how long a caller waits for SQLite's one writer, or for a free connection
)

type txKey struct{}

// tx is the transaction that a context carries.
type tx struct {
	db     *DB
	sql    *sql.Tx
	depth  int     // savepoints made inside
	events []Event // numbered and written right before the commit
}

func (db *DB) txOf(ctx context.Context) *tx {
	if t, ok := ctx.Value(txKey{}).(*tx); ok && t.db == db {
		return t
	}
	return nil
}

// Tx runs fn in a transaction and commits if it returns nil. The transaction is in the context that fn
// gets: what is called with it takes part, what is called with another context does not, and on SQLite
// would wait in vain for the writer that this transaction holds. fn must be quick, must not wait for
// anything but the database, uses the context on one goroutine at a time, and may run more than once:
// a transaction that lost a race against another one is repeated.
//
// A Tx inside a Tx joins it: if the inner function fails, its own changes are undone, and the outer
// one decides whether to go on. Events appended inside are numbered and written at the commit.
func (db *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	if t := db.txOf(ctx); t != nil {
		return t.nested(ctx, fn)
	}
	for attempt := 1; ; attempt++ {
		err := db.try(ctx, fn)
		if err == nil || db.dialect.code(err) != codeRetry || attempt == txAttempts {
			return db.fail(err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return err
		}
	}
}

func (db *DB) try(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	conn, err := db.acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	begun, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer begun.Rollback() // after a commit this does nothing

	t := &tx{db: db, sql: begun}
	ctx = context.WithValue(ctx, txKey{}, t)
	if err := fn(ctx); err != nil {
		return err
	}
	if err := t.writeEvents(ctx); err != nil {
		return err
	}
	return begun.Commit()
}

// acquire takes a connection to write with, and gives up in the end where it would deadlock.
func (db *DB) acquire(ctx context.Context) (*sql.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, writerWait)
	defer cancel()
	conn, err := db.w.Conn(wait)
	if err != nil && ctx.Err() == nil && wait.Err() != nil {
		return nil, fault.Down("the database is busy").Because(err)
	}
	return conn, err
}

func (t *tx) nested(ctx context.Context, fn func(ctx context.Context) error) error {
	t.depth++
	defer func() { t.depth-- }()
	point, events := fmt.Sprintf("nested_%d", t.depth), len(t.events)
	if _, err := t.sql.ExecContext(ctx, "SAVEPOINT "+point); err != nil {
		return t.db.fail(err)
	}
	if err := fn(ctx); err != nil {
		t.events = t.events[:events]
		if _, e := t.sql.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+point); e != nil {
			return errors.Join(err, e)
		}
		return err
	}
	_, err := t.sql.ExecContext(ctx, "RELEASE SAVEPOINT "+point)
	return t.db.fail(err)
}

// backOff waits a random while that grows with the attempts, or until ctx ends.
func backOff(ctx context.Context, attempt int) error {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(2*time.Millisecond) << min(attempt, 8))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// querier is a handle or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// scanner is one row of a result.
type scanner interface{ Scan(dest ...any) error }

func scanInt(s scanner) (n int64, err error) { return n, s.Scan(&n) }

func scanText(s scanner) (text string, err error) { return text, s.Scan(&text) }

// query reads rows with scan: inside the transaction of ctx if there is one, else from the readers. A
// statement that writes and returns rows must be inside a Tx.
func query[T any](ctx context.Context, db *DB, scan func(scanner) (T, error), text string, args ...any) ([]T, error) {
	var q querier = db.r
	if t := db.txOf(ctx); t != nil {
		q = t.sql
	}
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, db.fail(err)
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("store: read a row: %w", err)
		}
		out = append(out, v)
	}
	return out, db.fail(rows.Err())
}

// queryOne reads the first row, and says whether there is one.
func queryOne[T any](ctx context.Context, db *DB, scan func(scanner) (T, error), text string, args ...any) (v T, ok bool, err error) {
	rows, err := query(ctx, db, scan, text, args...)
	if err != nil || len(rows) == 0 {
		return v, false, err
	}
	return rows[0], true, nil
}

// exec runs one statement that writes, inside the transaction of ctx if there is one, and gives the
// number of rows it touched. On PostgreSQL an error ends the transaction it happens in: a statement
// that may fail in the ordinary course says ON CONFLICT, or is wrapped in a Tx of its own.
func (db *DB) exec(ctx context.Context, text string, args ...any) (int64, error) {
	if t := db.txOf(ctx); t != nil {
		return db.affected(t.sql.ExecContext(ctx, text, args...))
	}
	for attempt := 1; ; attempt++ {
		n, err := db.execAlone(ctx, text, args...)
		if err == nil || db.dialect.code(err) != codeRetry || attempt == txAttempts {
			return n, db.fail(err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return 0, err
		}
	}
}

func (db *DB) execAlone(ctx context.Context, text string, args ...any) (int64, error) {
	conn, err := db.acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return db.affected(conn.ExecContext(ctx, text, args...))
}

func (db *DB) affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, db.fail(err)
	}
	return res.RowsAffected()
}

// fail makes an error of the driver what callers can act on. Faults pass unchanged; the driver's error
// stays in the chain.
func (db *DB) fail(err error) error {
	if err == nil || fault.As(err) != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch db.dialect.code(err) {
	case codeAway, codeRetry:
		return fault.Down("the database is not available").Because(err)
	case codeEncoding:
		return fault.InvalidInput("the text holds a NUL character").Because(err)
	}
	return err
}
