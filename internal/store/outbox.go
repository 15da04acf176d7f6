package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/fault"
)

// Event tells of a change, in the terms of the EventBridge envelope.
type Event struct {
	ID         string // UUID; made if empty; one that exists already is a Conflict
	Seq        int64  // number within the resource, from 1; given at the commit
	Global     int64  // number within the account, from 1, in the order of commits; given at the commit
	DetailType string
	Resources  []string  // ARNs; the first one is whose numbers it carries; empty: about the account
	Time       time.Time // zero: now
	Detail     json.RawMessage
}

const everything = "*" // the row of outbox_heads that numbers all events

// AppendEvent adds an event to the outbox: in the transaction of ctx, with the change it tells of, or
// in one of its own. The event is written and numbered when that transaction commits, and cannot be
// read before, not even inside it.
func (db *DB) AppendEvent(ctx context.Context, e Event) error {
	if e.ID == "" {
		e.ID = uuid.NewString()
	}
	if e.Time.IsZero() {
		e.Time = db.clock.now()
	}
	if !json.Valid(e.Detail) {
		return fmt.Errorf("store: event %s: the detail is not JSON", e.DetailType)
	}
	return db.Tx(ctx, func(ctx context.Context) error {
		t := db.txOf(ctx)
		t.events = append(t.events, e)
		return nil
	})
}

// writeEvents numbers and writes what was appended. It is the last thing in a transaction: from here
// to the commit the row that numbers all events is locked, so numbers become visible in their order.
// Locks are always taken in the same order, that row first, then the resources by name.
func (t *tx) writeEvents(ctx context.Context) error {
	if len(t.events) == 0 {
		return nil
	}
	global, err := t.db.advance(ctx, everything, len(t.events))
	if err != nil {
		return err
	}
	perResource := map[string]int{}
	for _, e := range t.events {
		perResource[e.subject()]++
	}
	next := map[string]int64{}
	for _, name := range sortedKeys(perResource) {
		if next[name], err = t.db.advance(ctx, name, perResource[name]); err != nil {
			return err
		}
	}
	for i := range t.events {
		e := &t.events[i]
		e.Global, e.Seq = global, next[e.subject()]
		global, next[e.subject()] = e.Global+1, e.Seq+1
		resources, err := jsonList(e.Resources)
		if err != nil {
			return err
		}
		n, err := t.db.exec(ctx, `INSERT INTO outbox (global, id, resource, seq, time, detail_type, resources, detail)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING`,
			e.Global, e.ID, e.subject(), e.Seq, micros(e.Time), e.DetailType, resources, string(e.Detail))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.InConflict("event %s exists already", e.ID)
		}
	}
	return nil
}

// subject is the resource that numbers the event.
func (e *Event) subject() string {
	if len(e.Resources) == 0 {
		return ""
	}
	return e.Resources[0]
}

// advance takes n numbers of a resource and gives the first.
func (db *DB) advance(ctx context.Context, resource string, n int) (int64, error) {
	last, _, err := queryOne(ctx, db, scanInt, `INSERT INTO outbox_heads (resource, seq) VALUES ($1, $2)
		ON CONFLICT (resource) DO UPDATE SET seq = outbox_heads.seq + excluded.seq RETURNING seq`, resource, n)
	return last - int64(n) + 1, err
}

func sortedKeys(m map[string]int) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func scanEvent(s scanner) (e Event, err error) {
	var at int64
	var resources, detail []byte
	if err := s.Scan(&e.Global, &e.ID, &e.Seq, &at, &e.DetailType, &resources, &detail); err != nil {
		return e, err
	}
	e.Time, e.Detail = fromMicros(at), detail
	return e, json.Unmarshal(resources, &e.Resources)
}

// Events reads at most limit events with numbers above afterGlobal, in order. There is no smaller
// number that could still appear later.
func (db *DB) Events(ctx context.Context, afterGlobal int64, limit int) ([]Event, error) {
	return query(ctx, db, scanEvent, `SELECT global, id, seq, time, detail_type, resources, detail FROM outbox
		WHERE global > $1 ORDER BY global LIMIT $2`, afterGlobal, limit)
}

// EventCursor gives the number up to which a consumer has handled the events: 0 for one unheard of.
func (db *DB) EventCursor(ctx context.Context, consumer string) (int64, error) {
	n, _, err := queryOne(ctx, db, scanInt, `SELECT global FROM outbox_cursors WHERE consumer = $1`, consumer)
	return n, err
}

// SetEventCursor records the number up to which a consumer has handled the events. It may go back, for
// a replay.
func (db *DB) SetEventCursor(ctx context.Context, consumer string, global int64) error {
	_, err := db.exec(ctx, `INSERT INTO outbox_cursors (consumer, global) VALUES ($1, $2)
		ON CONFLICT (consumer) DO UPDATE SET global = excluded.global`, consumer, global)
	return err
}

// ForgetEventCursor ends a consumer: events need no longer be kept for it.
func (db *DB) ForgetEventCursor(ctx context.Context, consumer string) error {
	_, err := db.exec(ctx, `DELETE FROM outbox_cursors WHERE consumer = $1`, consumer)
	return err
}

// TrimEvents removes events older than before that every known consumer has handled, and gives their
// number. Webhooks do not count: one that is disabled, or whose receiver is gone for good, loses what is
// older. The numbers of a resource go on where they were, unless the resource is gone and so are all its
// events.
func (db *DB) TrimEvents(ctx context.Context, before time.Time) (int, error) {
	var n int64
	err := db.Tx(ctx, func(ctx context.Context) (err error) {
		_, err = db.exec(ctx, `UPDATE outbox_cursors SET global = o.last FROM (
			SELECT coalesce((SELECT min(global) - 1 FROM outbox WHERE time >= $1), (SELECT max(global) FROM outbox), 0) AS last) AS o
			WHERE outbox_cursors.consumer LIKE $2 AND outbox_cursors.global < o.last`, micros(before), webhookConsumers+"%")
		if err != nil {
			return err
		}
		n, err = db.exec(ctx, `DELETE FROM outbox WHERE time < $1
			AND NOT EXISTS (SELECT 1 FROM outbox_cursors c WHERE c.global < outbox.global)`, micros(before))
		if err != nil {
			return err
		}
		_, err = db.exec(ctx, `DELETE FROM outbox_heads WHERE resource NOT IN ('', '*')
			AND NOT EXISTS (SELECT 1 FROM resources r WHERE r.arn = outbox_heads.resource)
			AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.resource = outbox_heads.resource)`)
		return err
	})
	return int(n), err
}
