package storetest

import (
	"database/sql"
	"testing"
	"time"
)

// AwaitLock waits until some transaction on the database of this URL waits for another one. It is false if never
// comes first, which may be nil.
func AwaitLock(t testing.TB, url string, never <-chan struct{}) bool {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	again, late := time.NewTicker(2*time.Millisecond), time.After(20*time.Second)
	defer again.Stop()
	for {
		var waiting int
		err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		switch {
		case err != nil:
			t.Fatal(err)
		case waiting > 0:
			return true
		}
		select {
		case <-again.C:
		case <-never:
			return false
		case <-late:
			t.Fatal("nobody waits for a lock")
		}
	}
}
