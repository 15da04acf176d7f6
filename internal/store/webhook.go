package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// Webhook is somebody outside who is told of events. Its secrets are sealed by the server's keyring and
// never in clear text here.
type Webhook struct {
	ID          string
	URL         string
	Description string
	Sealed      []byte
	SealedOld   []byte    // the secret before the last rotation; empty: none
	OldUntil    time.Time // until when that one signs, too
	DetailTypes []string  // empty: all
	Resources   []string  // patterns of ARNs; empty: all
	Enabled     bool
	Reason      string // why it was disabled, if nobody asked for it
	Created     time.Time
	Version     int64 // grows with each change
}

// Consumer is the name under which the outbox keeps how far a webhook is.
func (w *Webhook) Consumer() string { return webhookConsumer(w.ID) }

const webhookConsumers = "webhook/" // TrimEvents knows them by this

func webhookConsumer(id string) string { return webhookConsumers + id }

const webhookColumns = `id, url, description, sealed, sealed_old, old_until, detail_types, resources, enabled, reason, created, version`

func scanWebhook(s scanner) (w Webhook, err error) {
	var oldUntil, enabled, created int64
	var types, resources []byte
	err = s.Scan(&w.ID, &w.URL, &w.Description, &w.Sealed, &w.SealedOld, &oldUntil, &types, &resources, &enabled, &w.Reason, &created, &w.Version)
	if err != nil {
		return w, err
	}
	w.OldUntil, w.Created, w.Enabled = fromMicros(oldUntil), fromMicros(created), enabled == 1
	if err := json.Unmarshal(types, &w.DetailTypes); err != nil {
		return w, err
	}
	return w, json.Unmarshal(resources, &w.Resources)
}

func missingWebhook(id string) error { return fault.Missing("webhook %s does not exist", id) }

// jsonList prints a list that is never null.
func jsonList(list []string) (string, error) {
	b, err := json.Marshal(append([]string{}, list...))
	return string(b), err
}

// InsertWebhook adds a webhook that is told of the events from now on, and gives it its time of creation. It
// is OverQuota if there are limit of them.
func (db *DB) InsertWebhook(ctx context.Context, w *Webhook, limit int) error {
	types, err := jsonList(w.DetailTypes)
	if err != nil {
		return err
	}
	resources, err := jsonList(w.Resources)
	if err != nil {
		return err
	}
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.lockName(ctx, "webhooks"); err != nil {
			return err
		}
		n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM webhooks`)
		if err != nil {
			return err
		}
		if int(n) >= limit {
			return fault.OverQuota(limit, "there are %d webhooks already, which is the limit", limit)
		}
		w.Version = 1
		w.Created = fromMicros(db.clock.next())
		_, err = db.exec(ctx, `INSERT INTO webhooks (`+webhookColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			w.ID, w.URL, w.Description, w.Sealed, append([]byte{}, w.SealedOld...), micros(w.OldUntil), types, resources, flag(w.Enabled), w.Reason, micros(w.Created), w.Version)
		if err != nil {
			return err
		}
		last, err := db.LastEvent(ctx)
		if err != nil {
			return err
		}
		return db.SetEventCursor(ctx, w.Consumer(), last)
	})
}

// Webhook reads one webhook. Absence is NotFound.
func (db *DB) Webhook(ctx context.Context, id string) (Webhook, error) {
	w, ok, err := queryOne(ctx, db, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`, id)
	if err == nil && !ok {
		err = missingWebhook(id)
	}
	return w, err
}

// Webhooks reads a page of webhooks, newest first, and the cursor of the next page, nil at the end. The
// cursor's ARN field holds an id.
func (db *DB) Webhooks(ctx context.Context, limit int, after *Cursor) ([]Webhook, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, db, scanWebhook, fmt.Sprintf(`SELECT `+webhookColumns+` FROM webhooks
		WHERE (created, id) < ($1, $2) ORDER BY created DESC, id DESC LIMIT %d`, limit+1), at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Created), ARN: last.ID}, nil
}

// UpdateWebhook reads a webhook, lets change alter it, and writes it and gives it back. Nothing comes
// between; change must be quick and may run more than once. An error of change comes back unchanged, and
// nothing is written. Absence is NotFound.
func (db *DB) UpdateWebhook(ctx context.Context, id string, change func(*Webhook) error) (w Webhook, err error) {
	err = db.Tx(ctx, func(ctx context.Context) error {
		var ok bool
		w, ok, err = queryOne(ctx, db, scanWebhook, `SELECT `+webhookColumns+` FROM webhooks WHERE id = $1`+db.dialect.forUpdate, id)
		if err != nil {
			return err
		}
		if !ok {
			return missingWebhook(id)
		}
		if err := change(&w); err != nil {
			return err
		}
		types, err := jsonList(w.DetailTypes)
		if err != nil {
			return err
		}
		resources, err := jsonList(w.Resources)
		if err != nil {
			return err
		}
		w.Version++
		_, err = db.exec(ctx, `UPDATE webhooks SET url = $1, description = $2, sealed = $3, sealed_old = $4, old_until = $5,
			detail_types = $6, resources = $7, enabled = $8, reason = $9, version = $10 WHERE id = $11`,
			w.URL, w.Description, w.Sealed, append([]byte{}, w.SealedOld...), micros(w.OldUntil), types, resources, flag(w.Enabled), w.Reason, w.Version, id)
		return err
	})
	return w, err
}

// DeleteWebhook removes a webhook with all that was to be told to it. Absence is NotFound.
func (db *DB) DeleteWebhook(ctx context.Context, id string) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		n, err := db.exec(ctx, `DELETE FROM webhooks WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return missingWebhook(id)
		}
		return db.ForgetEventCursor(ctx, webhookConsumer(id))
	})
}

// WebhookFailure is what a lane of a webhook is held up by.
type WebhookFailure struct {
	WebhookID string
	Lane      string
	Global    int64 // of the event
	Tries     int
	Since     time.Time // of the first try
	Error     string    // of the last one
}

const failureColumns = `webhook_id, lane, global, tries, since, error`

func scanWebhookFailure(s scanner) (f WebhookFailure, err error) {
	var since int64
	err = s.Scan(&f.WebhookID, &f.Lane, &f.Global, &f.Tries, &since, &f.Error)
	f.Since = fromMicros(since)
	return f, err
}

// PutWebhookFailure records what a lane is held up by. For a webhook that is gone it does nothing.
func (db *DB) PutWebhookFailure(ctx context.Context, f WebhookFailure) error {
	_, err := db.exec(ctx, `INSERT INTO webhook_failures (`+failureColumns+`)
		SELECT id, $2, $3, $4, $5, $6 FROM webhooks WHERE id = $1
		ON CONFLICT (webhook_id, lane) DO UPDATE SET global = excluded.global, tries = excluded.tries, since = excluded.since, error = excluded.error`,
		f.WebhookID, f.Lane, f.Global, f.Tries, micros(f.Since), f.Error)
	return err
}

// ClearWebhookFailure records that a lane is not held up any more.
func (db *DB) ClearWebhookFailure(ctx context.Context, id, lane string) error {
	_, err := db.exec(ctx, `DELETE FROM webhook_failures WHERE webhook_id = $1 AND lane = $2`, id, lane)
	return err
}

// WebhookFailures reads what the lanes of a webhook are held up by.
func (db *DB) WebhookFailures(ctx context.Context, id string) ([]WebhookFailure, error) {
	return query(ctx, db, scanWebhookFailure, `SELECT `+failureColumns+` FROM webhook_failures WHERE webhook_id = $1 ORDER BY lane`, id)
}

// AdvanceEventCursor records that a webhook has handled the events up to a number. It never goes back, and
// does nothing for a webhook that is gone.
func (db *DB) AdvanceEventCursor(ctx context.Context, id string, global int64) error {
	_, err := db.exec(ctx, `UPDATE outbox_cursors SET global = $1 WHERE consumer = $2 AND global < $1`, global, webhookConsumer(id))
	return err
}

// LastEvent gives the number of the newest event, 0 before the first.
func (db *DB) LastEvent(ctx context.Context) (int64, error) {
	n, _, err := queryOne(ctx, db, scanInt, `SELECT seq FROM outbox_heads WHERE resource = $1`, everything)
	return n, err
}

// EventFilter says which events are wanted.
type EventFilter struct {
	Resource   string    // the one that numbers them; empty: any
	DetailType string    // empty: any
	Since      time.Time // zero: from the beginning
	After      int64     // numbers above this one only
}

// ListEvents reads a page of events, newest or oldest first, and the number after which the next page
// begins, nil at the end.
func (db *DB) ListEvents(ctx context.Context, f EventFilter, oldestFirst bool, limit int, after *int64) ([]Event, *int64, error) {
	low, high, order := f.After, int64(math.MaxInt64), "DESC"
	if oldestFirst {
		order = "ASC"
	}
	switch {
	case after != nil && oldestFirst:
		low = max(low, *after)
	case after != nil:
		high = *after
	}
	list, err := query(ctx, db, scanEvent, fmt.Sprintf(`SELECT global, id, seq, time, detail_type, resources, detail FROM outbox
		WHERE global > $1 AND global < $2 AND ($3 = '' OR resource = $3) AND ($4 = '' OR detail_type = $4) AND time >= $5
		ORDER BY global %s LIMIT %d`, order, limit+1), low, high, f.Resource, f.DetailType, micros(f.Since))
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	return list, &list[limit-1].Global, nil
}
