package engine

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

func TestWhatIsPastRetentionIsForgotten(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Now()
	for id, ended := range map[string]time.Time{"old": now.Add(-3 * time.Hour), "new": now.Add(-time.Hour), "live": {}} {
		err := db.InsertStreamSession(t.Context(), store.StreamSession{StreamID: id, ChannelARN: "c", Started: now.Add(-4 * time.Hour), Ended: ended})
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg := Defaults()
	cfg.Retention = "2h"
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- forget(ctx, db, cfg.retention(), slog.New(slog.DiscardHandler)) }()
	there := func(id string) bool {
		_, err := db.StreamSession(t.Context(), "c", id)
		if err != nil && fault.Of(err) != fault.NotFound {
			t.Fatal(err)
		}
		return err == nil
	}
	for end := time.Now().Add(20 * time.Second); there("old"); {
		if time.Now().After(end) {
			t.Fatal("the old session is still there")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !there("new") || !there("live") {
		t.Error("a session that is not past retention is gone")
	}
}
