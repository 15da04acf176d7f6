package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/store"
)

// emptyFile is a SQLite database with its tables and nothing in them.
var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "streamcat-sqlite-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "empty.db")
	if err := makeTables("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func makeTables(url string) error {
	db, err := store.Open(context.Background(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return db.Close()
}

// SQLite gives the URL of a fresh SQLite database that has its tables already. They are copied: making them takes
// longer than most tests.
func SQLite(t testing.TB) string {
	t.Helper()
	return SQLiteAt(t, filepath.Join(t.TempDir(), "test.db"))
}

// SQLiteAt is SQLite in a file of that name.
func SQLiteAt(t testing.TB, file string) string {
	t.Helper()
	empty, err := emptyFile()
	if err == nil {
		err = os.WriteFile(file, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// withTables is the PostgreSQL database that others are copies of.
const withTables = "with_tables"

// tables makes withTables, once.
var tables = sync.OnceValue(func() error {
	s, err := started()
	if err != nil {
		return err
	}
	if err := execute(s.dir, "CREATE DATABASE "+withTables); err != nil {
		return err
	}
	return makeTables(databaseURL(s.dir, withTables))
})

// Postgres is PostgresURL with tables: it gives the URL of a fresh database that has them already.
func Postgres(t testing.TB) string {
	t.Helper()
	if err := tables(); err != nil {
		t.Fatal(fmt.Errorf("PostgreSQL for tests: %w", err))
	}
	return fresh(t, " TEMPLATE "+withTables)
}
