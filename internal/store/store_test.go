package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

var mint = arn.Minter{Region: "us-east-1", Account: "000000000000"}

// channelDoc is a document as the API packages keep them.
type channelDoc struct {
	Name   string
	Key    string `json:",omitempty"`
	Labels []string
	N      int
}

func channelRefs(c *channelDoc) []store.Ref {
	refs := []store.Ref{{Name: "name", Value: c.Name}}
	if c.Key != "" {
		refs = append(refs, store.Ref{Name: "key", Value: c.Key})
	}
	for _, l := range c.Labels {
		refs = append(refs, store.Ref{Name: "label", Value: l})
	}
	return refs
}

func channels(db *store.DB) *store.Collection[channelDoc] {
	return store.NewCollection(db, arn.Channel, channelRefs, "key")
}

func TestMain(m *testing.M) {
	if url := os.Getenv(writerURL); url != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(url))
		os.Exit(1)
	}
	storetest.Main(m)
}

// both runs a test on both databases.
func both(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, storetest.SQLite(t), store.Options{})) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, storetest.Postgres(t), store.Options{})) })
}

// bothURLs runs a test on two databases in which there is nothing, not even tables.
func bothURLs(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, sqliteURL(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, storetest.PostgresURL(t)) })
}

func sqliteURL(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }

func open(t testing.TB, url string, o store.Options) *store.DB {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	db, err := store.Open(context.Background(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// must gives v and ends the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t testing.TB, err error, want fault.Kind) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", want)
	}
	if got := fault.Of(err); got != want {
		t.Fatalf("kind: got %v, want %v (%v)", got, want, err)
	}
}

func TestOpenedTwiceItKeepsWhatItHad(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		name := mint.New(arn.Channel)
		first := open(t, url, store.Options{})
		must[*store.Row[channelDoc]](t)(channels(first).Insert(t.Context(), name, &channelDoc{Name: "a"}, nil))
		second := open(t, url, store.Options{}) // while the first one is still open
		row := must[*store.Row[channelDoc]](t)(channels(second).Get(t.Context(), name))
		if row.Doc.Name != "a" || row.Version != 1 {
			t.Errorf("got %+v", row)
		}
	})
}

func TestManyOpenAFreshDatabaseAtOnce(t *testing.T) {
	bothURLs(t, func(t *testing.T, url string) {
		errs := make(chan error, 6)
		for range cap(errs) {
			go func() {
				db, err := store.Open(context.Background(), url, store.Options{Log: slog.New(slog.DiscardHandler)})
				if err == nil {
					err = db.PutSetting(context.Background(), "x", []byte("y"))
					db.Close()
				}
				errs <- err
			}()
		}
		for range cap(errs) {
			check(t, <-errs)
		}
	})
}

func TestUnknownDatabaseIsRefusedWithoutShowingItsURL(t *testing.T) {
	_, err := store.Open(t.Context(), "mysql://user:secret@host/db", store.Options{})
	if err == nil {
		t.Fatal("it opened")
	}
	if got, want := err.Error(), `database URL begins with neither sqlite: nor postgres://, but "mysql"`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSQLiteFileMayHaveAnyNameAndIsPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made on the way", "50% of #1?.db")
	db := open(t, "sqlite:"+path, store.Options{})
	check(t, db.Ping(t.Context()))
	info, err := os.Stat(path)
	check(t, err)
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode: got %o, want 600", got)
	}
}

func TestPostgresThatIsNotThereIsAnErrorWithoutThePassword(t *testing.T) {
	_, err := store.Open(t.Context(), "postgres://someone:secret@/x?host=/nowhere&sslmode=disable", store.Options{})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Fatalf("got %v", err)
	}
}

func TestCreationTimesGrowThoughTheClockStandsStill(t *testing.T) {
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	db := open(t, sqliteURL(t), store.Options{Now: func() time.Time { return at }})
	for i := range 3 {
		row := must[*store.Row[channelDoc]](t)(channels(db).Insert(t.Context(), mint.New(arn.Channel), &channelDoc{}, nil))
		if want := at.Add(time.Duration(i) * time.Microsecond); !row.Created.Equal(want) {
			t.Errorf("created: got %v, want %v", row.Created, want)
		}
	}
}
