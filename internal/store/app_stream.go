package store

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AppStream is one broadcast of a person, as far as events told of it.
type AppStream struct {
	ID      string
	UserID  string
	Started time.Time // zero while only its end is known
	Ended   time.Time // zero while it runs
	Assumed bool      // the end was concluded from something else, and yields to evidence

	// Title and Category are what the channel showed when the first word of the stream came.
	Title, Category string
}

func scanAppStream(s scanner) (st AppStream, err error) {
	var started, ended, assumed int64
	err = s.Scan(&st.ID, &st.UserID, &started, &ended, &assumed, &st.Title, &st.Category)
	st.Started, st.Ended, st.Assumed = fromMicros(started), fromMicros(ended), assumed == 1
	return st, err
}

const appStreamSelect = `SELECT id, user_id, started, ended, assumed, title, category FROM app_streams `

// ChangeStream reads the stream with that id of a person (a blank one if nothing is known of it yet),
// lets change have it, writes it, and brings the person's channel in step: the newest stream that has
// begun decides whether the channel is live, and any older one that still runs is taken to have ended
// when its successor began. Changes of one person's streams happen one after another.
func (a *App) ChangeStream(ctx context.Context, userID, id string, change func(*AppStream)) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		// Whoever holds this row is alone with the person's streams.
		_, ok, err := queryOne(ctx, a.db, scanInt, `SELECT 1 FROM app_channels WHERE user_id = $1`+a.db.dialect.forUpdate, userID)
		if err != nil {
			return err
		}
		if !ok {
			return fault.Missing("there is no such channel")
		}
		c, err := a.Channel(ctx, userID)
		if err != nil {
			return err
		}
		st, ok, err := queryOne(ctx, a.db, scanAppStream, appStreamSelect+`WHERE id = $1 AND user_id = $2`, id, userID)
		if err != nil {
			return err
		}
		if !ok {
			st = AppStream{ID: id, UserID: userID, Title: c.Title, Category: c.Category}
		}
		change(&st)
		assumed := 0
		if st.Assumed {
			assumed = 1
		}
		if _, err := a.db.exec(ctx, `INSERT INTO app_streams (id, user_id, started, ended, assumed, seen, title, category)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (id) DO UPDATE SET started = excluded.started, ended = excluded.ended, assumed = excluded.assumed
			WHERE app_streams.user_id = excluded.user_id`,
			st.ID, st.UserID, micros(st.Started), micros(st.Ended), assumed, a.db.clock.next(), st.Title, st.Category); err != nil {
			return err
		}
		return a.settle(ctx, userID)
	})
}

// settle makes a channel follow its newest stream.
func (a *App) settle(ctx context.Context, userID string) error {
	newest, ok, err := queryOne(ctx, a.db, scanAppStream,
		appStreamSelect+`WHERE user_id = $1 AND started > 0 ORDER BY started DESC, seen DESC LIMIT 1`, userID)
	if err != nil || !ok {
		return err
	}
	if _, err := a.db.exec(ctx, `UPDATE app_streams SET assumed = 1, ended = COALESCE(
			(SELECT MIN(next.started) FROM app_streams next WHERE next.user_id = app_streams.user_id AND next.started > app_streams.started),
			app_streams.started)
		WHERE user_id = $1 AND ended = 0 AND id <> $2`, userID, newest.ID); err != nil {
		return err
	}
	live, since := newest.ID, micros(newest.Started)
	if !newest.Ended.IsZero() {
		live, since = "", 0
	}
	_, err = a.db.exec(ctx, `UPDATE app_channels SET live_stream = $1, live_since = $2, last_live = $3 WHERE user_id = $4`,
		live, since, micros(newest.Started), userID)
	return err
}

// Streams gives a person's streams that have begun, the newest first.
func (a *App) Streams(ctx context.Context, userID string, limit int) ([]AppStream, error) {
	return query(ctx, a.db, scanAppStream,
		appStreamSelect+`WHERE user_id = $1 AND started > 0 ORDER BY started DESC, seen DESC LIMIT $2`, userID, limit)
}

// TrimStreams removes streams that ended before the given time, and gives their number. The newest of
// each person stays: it is what a late word of an older one is held against.
func (a *App) TrimStreams(ctx context.Context, before time.Time) (int, error) {
	return a.db.trim(ctx, `DELETE FROM app_streams WHERE id IN (
		SELECT id FROM app_streams s WHERE ended > 0 AND ended < $1
			AND EXISTS (SELECT 1 FROM app_streams later WHERE later.user_id = s.user_id AND later.started > s.started)
		ORDER BY ended LIMIT $2)`, before)
}
