package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/store"
)

// minRetention leaves receivers of events, and whoever looks at a session after it, some time.
const minRetention = time.Hour

// retention reads the setting, which Check has found good.
func (c *Config) retention() time.Duration {
	d, err := parseRetention(c.Retention)
	if err != nil {
		panic("engine: a configuration was not checked: " + err.Error())
	}
	return d
}

// parseRetention reads a number of days, such as 60d, or a duration in Go's form, such as 36h.
func parseRetention(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil:
		return 0, &BadConfig{"retention", fmt.Sprintf("%q is neither a number of days such as 60d nor a duration such as 36h", text)}
	case d < minRetention:
		return 0, &BadConfig{"retention", "must be at least an hour"}
	}
	return d, nil
}

// forget trims what is past retention, and bans and time-outs that are over, once an hour. A failure is tried again the next hour.
func forget(ctx context.Context, db *store.DB, retention time.Duration, log *slog.Logger) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		before := time.Now().Add(-retention)
		events, err := db.TrimEvents(ctx, before)
		sessions, err2 := db.TrimStreamSessions(ctx, before)
		onStage, err3 := db.TrimStageSessions(ctx, before)
		calls, err4 := db.TrimAudit(ctx, before)
		penalties, err5 := db.TrimChatPenalties(ctx, time.Now())
		if err := errors.Join(err, err2, err3, err4, err5); err != nil && ctx.Err() == nil {
			log.Warn("could not forget what is past retention", "err", err)
		}
		if events+sessions+onStage+calls+penalties > 0 {
			log.Info("forgot what is past retention", "events", events, "stream_sessions", sessions, "stage_sessions", onStage, "audit_entries", calls, "chat_penalties", penalties)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
