package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// dialect is what differs between the two databases. All queries are the same text on both.
type dialect struct {
	goose     goose.Dialect
	forUpdate string // suffix of a SELECT that locks its row; SQLite has one writer anyway
	open      func(ctx context.Context, url string) (w, r *sql.DB, err error)
	ddl       func(script string) string // turns a migration into the dialect's own words
	code      func(err error) errorCode
}

// errorCode is what a driver's error means to this package.
type errorCode int

const (
	codeOther    errorCode = iota
	codeRetry              // lost a race between transactions: run it again
	codeEncoding           // the text holds what the database cannot keep: a NUL
	codeAway               // the database does not answer
)

func dialectOf(url string) (*dialect, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		return &sqliteDialect, nil
	case "postgres", "postgresql":
		return &postgresDialect, nil
	default: // the URL may hold a password: say nothing of it but its first word
		return nil, fmt.Errorf("database URL begins with neither sqlite: nor postgres://, but %.12q", scheme)
	}
}

var sqliteDialect = dialect{
	goose: goose.DialectSQLite3,
	open:  openSQLite,
	ddl:   func(script string) string { return script },
	code:  sqliteCode,
}

func openSQLite(ctx context.Context, dsn string) (w, r *sql.DB, err error) {
	path := sqlitePath(dsn)
	if path == "" || path == ":memory:" {
		return nil, nil, errors.New("sqlite: needs the path of a file")
	}
	if err := createPrivate(path); err != nil {
		return nil, nil, err
	}
	pragmas := url.Values{"_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)", "foreign_keys(1)",
		"temp_store(MEMORY)", "cache_size(-16384)", "journal_size_limit(67108864)",
	}}
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + "?"

	pragmas.Set("_txlock", "immediate")
	if w, err = sql.Open("sqlite", file+pragmas.Encode()); err != nil {
		return nil, nil, err
	}
	w.SetMaxOpenConns(1)
	w.SetMaxIdleConns(1)
	if err := w.PingContext(ctx); err != nil { // creates the file in WAL mode before a reader looks at it
		w.Close()
		return nil, nil, err
	}

	pragmas.Set("_txlock", "deferred")
	pragmas.Add("_pragma", "query_only(1)")
	if r, err = sql.Open("sqlite", file+pragmas.Encode()); err != nil {
		w.Close()
		return nil, nil, err
	}
	n := max(4, runtime.GOMAXPROCS(0))
	r.SetMaxOpenConns(n)
	r.SetMaxIdleConns(n)
	return w, r, nil
}

// sqlitePath gives the path in "sqlite:path", "sqlite:///path" or "sqlite:/path".
func sqlitePath(dsn string) string {
	return strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "//")
}

// createPrivate makes an empty file that only its owner can read, where there is none. An existing one
// is left closed: opening and closing it would drop the locks that SQLite holds in this process.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Result codes of SQLite: https://www.sqlite.org/rescode.html
const (
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteIOErr    = 10
	sqliteFull     = 13
	sqliteCantOpen = 14
)

func sqliteCode(err error) errorCode {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return codeOther
	}
	switch e.Code() & 0xff { // the low byte is the primary code
	case sqliteBusy, sqliteLocked:
		return codeRetry
	case sqliteIOErr, sqliteFull, sqliteCantOpen:
		return codeAway
	}
	return codeOther
}

var postgresDialect = dialect{
	goose:     goose.DialectPostgres,
	forUpdate: " FOR UPDATE",
	open:      openPostgres,
	ddl:       postgresDDL,
	code:      postgresCode,
}

func openPostgres(ctx context.Context, url string) (w, r *sql.DB, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, err // pgx blanks the password
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "streamcat"
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(24)
	db.SetMaxIdleConns(8)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, nil, err
	}
	return db, db, nil
}

var (
	wordText  = regexp.MustCompile(`\bTEXT\b`)
	wordBlob  = regexp.MustCompile(`\bBLOB\b`)
	wordRowid = regexp.MustCompile(`\bWITHOUT ROWID\b`)
)

// postgresDDL reads a script as PostgreSQL must: texts sort by their bytes as they do in SQLite, or
// pages would come in another order.
func postgresDDL(script string) string {
	script = wordText.ReplaceAllString(script, `TEXT COLLATE "C"`)
	script = wordBlob.ReplaceAllString(script, `BYTEA`)
	return wordRowid.ReplaceAllString(script, ``)
}

// postgresCode reads SQLSTATEs: https://www.postgresql.org/docs/15/errcodes-appendix.html
func postgresCode(err error) errorCode {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		switch e.Code {
		case "40001", "40P01", "55P03": // serialization failure, deadlock, lock not available
			return codeRetry
		case "22021":
			return codeEncoding
		}
		switch e.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system
			return codeAway
		}
		return codeOther
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, net.ErrClosed) {
		return codeAway
	}
	return codeOther
}
