package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Compose takes up a composition that was written down as STARTING, and returns at once. Media of
// compositions does not exist in this version: the composition fails, and says so by its events.
func (m *Manager) Compose(compositionARN string) {
	m.spawn(func() { // if it is too late for that, the next start makes it good
		for wait := minRetry; ; wait = min(2*wait, maxRetry) {
			err := m.endComposition(m.life, compositionARN, verdictFailed)
			if err == nil || fault.Of(err) == fault.NotFound || m.life.Err() != nil {
				return
			}
			m.log.Error("could not write how a composition went, trying again", "composition", arn.ID(compositionARN), "err", err)
			select {
			case <-m.life.Done():
			case <-time.After(wait):
			}
		}
	})
}

// StopComposition ends a composition; that is written down when it returns. One that has ended stays as it
// is. It is NotFound if there is none.
func (m *Manager) StopComposition(ctx context.Context, compositionARN string) error {
	return m.endComposition(ctx, compositionARN, verdictStopped)
}

// endComposition writes down how a composition ended, and tells it, in one transaction.
func (m *Manager) endComposition(ctx context.Context, name string, v verdict) error {
	told := false
	err := m.d.DB.Tx(ctx, func(ctx context.Context) error {
		var events []store.Event
		_, err := Compositions(m.d.DB).Update(ctx, name, func(c *Composition) error {
			if events = c.end(name, v, m.now()); events == nil {
				return errEnded
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := m.d.DB.AppendEvent(ctx, e); err != nil {
				return err
			}
		}
		told = true
		return nil
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end composition %s: %w", arn.ID(name), err)
	}
	if told {
		m.log.Info("composition ended", "composition", arn.ID(name), "state", v.state)
		m.wake()
	}
	return nil
}

var errEnded = errors.New("the composition has ended already")

// endCompositions ends all compositions that have a ref and have not ended.
func (m *Manager) endCompositions(ctx context.Context, ref store.Ref, v verdict) error {
	for after := (*store.Cursor)(nil); ; {
		rows, next, err := Compositions(m.d.DB).List(ctx, store.Query{Refs: []store.Ref{ref}, Limit: 100, After: after})
		if err != nil {
			return fmt.Errorf("find compositions: %w", err)
		}
		for _, row := range rows {
			if err := m.endComposition(ctx, row.ARN, v); err != nil && fault.Of(err) != fault.NotFound {
				return err
			}
		}
		if after = next; after == nil {
			return nil
		}
	}
}

// endCompositionsOf ends the compositions of a stage that was deleted. Where the database fails it is said in
// the log; the next start ends them.
func (m *Manager) endCompositionsOf(ctx context.Context, stageARN string) {
	ctx = context.WithoutCancel(ctx) // the stage is gone, whoever waits for the answer
	if err := m.endCompositions(ctx, store.Ref{Name: "uses", Value: stageARN}, verdictStopped); err != nil {
		m.log.Error("compositions of a deleted stage are not ended", "stage", arn.ID(stageARN), "err", err)
	}
}

// ForgetCompositions removes compositions that can no longer be seen at the given time.
func ForgetCompositions(ctx context.Context, db *store.DB, now time.Time) error {
	compositions := Compositions(db)
	for after := (*store.Cursor)(nil); ; {
		rows, next, err := compositions.List(ctx, store.Query{Refs: []store.Ref{endedCompositions}, Limit: 100, After: after})
		if err != nil {
			return fmt.Errorf("find ended compositions: %w", err)
		}
		for _, row := range rows {
			if !row.Doc.Over(now) {
				continue
			}
			if err := compositions.Delete(ctx, row.ARN); err != nil && fault.Of(err) != fault.NotFound {
				return fmt.Errorf("forget composition %s: %w", arn.ID(row.ARN), err)
			}
		}
		if after = next; after == nil {
			return nil
		}
	}
}
