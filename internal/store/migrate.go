package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are files NNNN_name.sql, applied once each and in order, each in a transaction. They are
// written for SQLite. PostgreSQL reads TEXT as TEXT COLLATE "C", BLOB as BYTEA, and no WITHOUT ROWID;
// nothing else may differ. A file that was released is never edited: the next change is the next file.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the tables up to date under a lock, so that processes that start together do it once.
func (db *DB) migrate(ctx context.Context, url string) error {
	steps, err := db.migrationSteps()
	if err != nil {
		return err
	}
	options := []goose.ProviderOption{
		goose.WithGoMigrations(steps...),
		goose.WithDisableGlobalRegistry(true),
		goose.WithTableName("schema_versions"),
		goose.WithSlog(db.log),
	}
	if db.dialect == &postgresDialect {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	} else {
		unlock, err := lockDir(filepath.Dir(sqlitePath(url)))
		if err != nil {
			return err
		}
		defer unlock()
	}
	provider, err := goose.NewProvider(db.dialect.goose, db.w, nil, options...)
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

func (db *DB) migrationSteps() ([]*goose.Migration, error) {
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: the name does not begin with a number", f.Name())
		}
		text, err := migrations.ReadFile(path.Join("migrations", f.Name()))
		if err != nil {
			return nil, err
		}
		script := db.dialect.ddl(string(text))
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{
			RunTx: func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, script)
				return err
			},
		}, nil))
	}
	return steps, nil
}

// lockDir takes a lock on a directory that ends with the process. SQLite's own locks will not do: they
// are held per transaction, and the question whether to migrate spans several.
func lockDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return func() { f.Close() }, nil
}
