package store

import (
	"context"
	"fmt"
	"time"
)

// AppChatDeed is one thing that somebody did to keep order in the chat of a channel.
type AppChatDeed struct {
	ID                 string
	Owner              string
	At                 time.Time
	Actor, ActorName   string
	Action             string
	Target, TargetName string    // user id and name; "": nobody
	Detail             string    // JSON
	Undone             time.Time // zero: it was not taken back
	UndoneBy           string    // name
}

const appDeedColumns = `id, owner, at, actor, actor_name, action, target, target_name, detail, undone, undone_by`

func scanAppDeed(s scanner) (d AppChatDeed, err error) {
	var at, undone int64
	err = s.Scan(&d.ID, &d.Owner, &at, &d.Actor, &d.ActorName, &d.Action, &d.Target, &d.TargetName, &d.Detail, &undone, &d.UndoneBy)
	d.At, d.Undone = fromMicros(at), fromMicros(undone)
	return d, err
}

// LogChatDeed writes down what was done.
func (a *App) LogChatDeed(ctx context.Context, d AppChatDeed) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_chat_log (`+appDeedColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, '')`,
		d.ID, d.Owner, micros(d.At), d.Actor, d.ActorName, d.Action, d.Target, d.TargetName, d.Detail)
	return err
}

// ChatDeed finds what was done in a channel, if it was.
func (a *App) ChatDeed(ctx context.Context, owner, id string) (AppChatDeed, bool, error) {
	return queryOne(ctx, a.db, scanAppDeed, `SELECT `+appDeedColumns+` FROM app_chat_log WHERE owner = $1 AND id = $2`, owner, id)
}

// UndoChatDeed notes that something was taken back; false if it was before.
func (a *App) UndoChatDeed(ctx context.Context, owner, id string, at time.Time, by string) (bool, error) {
	n, err := a.db.exec(ctx, `UPDATE app_chat_log SET undone = $1, undone_by = $2 WHERE owner = $3 AND id = $4 AND undone = 0`, micros(at), by, owner, id)
	return n == 1, err
}

// ChatDeeds gives a page of what was done in a channel, newest first, and the cursor of the next page, nil at the end.
// The cursor's ARN field holds an id.
func (a *App) ChatDeeds(ctx context.Context, owner string, limit int, after *Cursor) ([]AppChatDeed, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, a.db, scanAppDeed, fmt.Sprintf(`SELECT `+appDeedColumns+` FROM app_chat_log WHERE owner = $1
		AND (at, id) < ($2, $3) ORDER BY at DESC, id DESC LIMIT %d`, limit+1), owner, at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.At), ARN: last.ID}, nil
}

// PurgeChat removes what is of no use any more: whoever was last seen before one time, and what was done before
// another; and penalties that are over now and that nobody is owed word of.
func (a *App) PurgeChat(ctx context.Context, now, seen, done time.Time) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		for _, p := range []struct {
			text string
			at   time.Time
		}{
			{`DELETE FROM app_chatters WHERE seen < $1`, seen},
			{`DELETE FROM app_chat_log WHERE at < $1`, done},
			{`DELETE FROM app_chat_penalties WHERE until > 0 AND until <= $1`, now},
			{`UPDATE app_chat_penalties SET network = '', network_until = 0 WHERE network <> '' AND network_until <= $1`, now},
		} {
			if _, err := a.db.exec(ctx, p.text, micros(p.at)); err != nil {
				return err
			}
		}
		return nil
	})
}
