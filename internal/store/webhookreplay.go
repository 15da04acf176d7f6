package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// DeadLetter is an event that a webhook never took. It is kept for as long as the event is.
type DeadLetter struct {
	Event
	Died  time.Time
	Tries int
	Error string // of the last try
	Asked bool   // to be told again
}

const deadLetterColumns = `o.global, o.id, o.seq, o.time, o.detail_type, o.resources, o.detail, d.died, d.tries, d.error, d.asked`

func scanDeadLetter(s scanner) (d DeadLetter, err error) {
	var at, died, asked int64
	var resources, detail []byte
	err = s.Scan(&d.Global, &d.ID, &d.Seq, &at, &d.DetailType, &resources, &detail, &died, &d.Tries, &d.Error, &asked)
	if err != nil {
		return d, err
	}
	d.Time, d.Died, d.Asked, d.Detail = fromMicros(at), fromMicros(died), asked == 1, detail
	return d, json.Unmarshal(resources, &d.Resources)
}

// BuryEvent records that a webhook never took an event. If the event or the webhook is gone it does nothing.
func (db *DB) BuryEvent(ctx context.Context, id string, global int64, tries int, why string) error {
	_, err := db.exec(ctx, `INSERT INTO webhook_dead_letters (webhook_id, global, died, tries, error, asked)
		SELECT w.id, o.global, $3, $4, $5, 0 FROM webhooks w CROSS JOIN outbox o WHERE w.id = $1 AND o.global = $2
		ON CONFLICT (webhook_id, global) DO UPDATE SET died = excluded.died, tries = excluded.tries, error = excluded.error, asked = 0`,
		id, global, micros(db.clock.now()), tries, why)
	return err
}

// DeadLetters reads a page of what a webhook never took, newest event first, and the number of the event
// after which the next page begins, nil at the end.
func (db *DB) DeadLetters(ctx context.Context, id string, limit int, after *int64) ([]DeadLetter, *int64, error) {
	text, args := `SELECT `+deadLetterColumns+` FROM webhook_dead_letters d JOIN outbox o ON o.global = d.global WHERE d.webhook_id = $1`, []any{id}
	if after != nil {
		text, args = text+` AND d.global < $2`, append(args, *after)
	}
	list, err := query(ctx, db, scanDeadLetter, fmt.Sprintf(text+` ORDER BY d.global DESC LIMIT %d`, limit+1), args...)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	return list, &list[limit-1].Global, nil
}

// CountDeadLetters counts what a webhook never took.
func (db *DB) CountDeadLetters(ctx context.Context, id string) (int, error) {
	n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM webhook_dead_letters WHERE webhook_id = $1`, id)
	return int(n), err
}

// AskDeadLetters asks for dead letters of a webhook to be told again: that of one event, or all if eventID
// is empty. It gives their number; one that does not exist is NotFound.
func (db *DB) AskDeadLetters(ctx context.Context, id, eventID string) (int, error) {
	n, err := db.exec(ctx, `UPDATE webhook_dead_letters SET asked = 1 WHERE webhook_id = $1
		AND ($2 = '' OR global IN (SELECT global FROM outbox WHERE id = $2))`, id, eventID)
	if err == nil && n == 0 && eventID != "" {
		err = fault.Missing("webhook %s has no dead letter of event %s", id, eventID)
	}
	return int(n), err
}

// NextDeadLetter reads the oldest event that is to be told again, and says whether there is one.
func (db *DB) NextDeadLetter(ctx context.Context, id string) (DeadLetter, bool, error) {
	return queryOne(ctx, db, scanDeadLetter, `SELECT `+deadLetterColumns+` FROM webhook_dead_letters d JOIN outbox o ON o.global = d.global
		WHERE d.webhook_id = $1 AND d.asked = 1 ORDER BY d.global LIMIT 1`, id)
}

// DropDeadLetter removes a dead letter: it was told after all.
func (db *DB) DropDeadLetter(ctx context.Context, id string, global int64) error {
	_, err := db.exec(ctx, `DELETE FROM webhook_dead_letters WHERE webhook_id = $1 AND global = $2`, id, global)
	return err
}

// WebhookReplay is past events that are to be told to a webhook again.
type WebhookReplay struct {
	ID          string
	WebhookID   string
	Created     time.Time
	Since       time.Time
	Until       time.Time // zero: up to the time of asking
	Told        int64     // the number up to which it is done
	Last        int64     // the newest number at the time of asking
	DetailTypes []string  // empty: all
	Resources   []string  // patterns of ARNs; empty: all
}

const replayColumns = `id, webhook_id, created, since, until, told, last, detail_types, resources`

func scanReplay(s scanner) (r WebhookReplay, err error) {
	var created, since, until int64
	var types, resources []byte
	if err := s.Scan(&r.ID, &r.WebhookID, &created, &since, &until, &r.Told, &r.Last, &types, &resources); err != nil {
		return r, err
	}
	r.Created, r.Since, r.Until = fromMicros(created), fromMicros(since), fromMicros(until)
	if err := json.Unmarshal(types, &r.DetailTypes); err != nil {
		return r, err
	}
	return r, json.Unmarshal(resources, &r.Resources)
}

// InsertReplay adds a replay of the events that exist now. It is OverQuota if the webhook has limit of them
// that are not done, and NotFound without the webhook.
func (db *DB) InsertReplay(ctx context.Context, r *WebhookReplay, limit int) error {
	types, err := jsonList(r.DetailTypes)
	if err != nil {
		return err
	}
	resources, err := jsonList(r.Resources)
	if err != nil {
		return err
	}
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.lockName(ctx, "replays"); err != nil {
			return err
		}
		if _, err := db.Webhook(ctx, r.WebhookID); err != nil {
			return err
		}
		n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM webhook_replays WHERE webhook_id = $1`, r.WebhookID)
		if err != nil {
			return err
		}
		if int(n) >= limit {
			return fault.OverQuota(limit, "webhook %s has %d replays that are not done, which is the limit", r.WebhookID, limit)
		}
		if r.Last, err = db.LastEvent(ctx); err != nil {
			return err
		}
		r.Created = fromMicros(db.clock.next())
		_, err = db.exec(ctx, `INSERT INTO webhook_replays (`+replayColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			r.ID, r.WebhookID, micros(r.Created), micros(r.Since), micros(r.Until), r.Told, r.Last, types, resources)
		return err
	})
}

// Replays reads what a webhook is to be told again and is not done, oldest first.
func (db *DB) Replays(ctx context.Context, webhookID string) ([]WebhookReplay, error) {
	return query(ctx, db, scanReplay, `SELECT `+replayColumns+` FROM webhook_replays WHERE webhook_id = $1 ORDER BY created, id`, webhookID)
}

// ReplayEvents reads the next events of a replay, in order.
func (db *DB) ReplayEvents(ctx context.Context, r WebhookReplay, limit int) ([]Event, error) {
	return query(ctx, db, scanEvent, `SELECT global, id, seq, time, detail_type, resources, detail FROM outbox
		WHERE global > $1 AND global <= $2 AND time >= $3 AND (time < $4 OR $4 = 0) ORDER BY global LIMIT $5`,
		r.Told, r.Last, micros(r.Since), micros(r.Until), limit)
}

// AdvanceReplay records the number up to which a replay is done.
func (db *DB) AdvanceReplay(ctx context.Context, id string, told int64) error {
	_, err := db.exec(ctx, `UPDATE webhook_replays SET told = $1 WHERE id = $2`, told, id)
	return err
}

// EndReplay removes a replay that is done.
func (db *DB) EndReplay(ctx context.Context, id string) error {
	_, err := db.exec(ctx, `DELETE FROM webhook_replays WHERE id = $1`, id)
	return err
}
