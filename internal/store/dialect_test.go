package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/streamcat/streamcat/internal/fault"
)

func TestErrorsOfTheDriverBecomeFaults(t *testing.T) {
	db := &DB{dialect: &postgresDialect}
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"server shutting down is unavailable", &pgconn.PgError{Code: "57P01"}, fault.Unavailable},
		{"too many connections is unavailable", &pgconn.PgError{Code: "53300"}, fault.Unavailable},
		{"deadlock that was repeated in vain is unavailable", &pgconn.PgError{Code: "40P01"}, fault.Unavailable},
		{"lost connection is unavailable", fmt.Errorf("write: %w", driver.ErrBadConn), fault.Unavailable},
		{"NUL is invalid", &pgconn.PgError{Code: "22021"}, fault.Invalid},
		{"unknown column is internal", &pgconn.PgError{Code: "42703"}, fault.Internal},
		{"fault stays what it is", fault.InConflict("taken").Because(driver.ErrBadConn), fault.Conflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := db.fail(c.err)
			if fault.Of(got) != c.want {
				t.Errorf("kind: got %v, want %v", fault.Of(got), c.want)
			}
			if !errors.Is(got, c.err) {
				t.Errorf("the cause is lost: %v", got)
			}
		})
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := db.fail(err); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}

func TestMigrationsReadAsPostgreSQLMust(t *testing.T) {
	got := postgresDDL("CREATE TABLE t (a TEXT NOT NULL, b BLOB, context BIGINT) WITHOUT ROWID;")
	if want := `CREATE TABLE t (a TEXT COLLATE "C" NOT NULL, b BYTEA, context BIGINT) ;`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
