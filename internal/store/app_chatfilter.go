package store

import (
	"context"
	"time"
)

// ChannelByRoom gives the channel whose chat room has that name at IVS.
func (a *App) ChannelByRoom(ctx context.Context, arn string) (AppChannel, error) {
	return a.channel(ctx, `WHERE c.room_arn = $1 AND c.room_arn <> ''`, arn)
}

// ChatFilter gives what the reviewer minds in a channel's chat, as JSON; "" if nobody has said.
func (a *App) ChatFilter(ctx context.Context, owner string) (string, error) {
	rules, _, err := queryOne(ctx, a.db, scanText, `SELECT rules FROM app_chat_filters WHERE owner = $1`, owner)
	return rules, err
}

// PutChatFilter writes it.
func (a *App) PutChatFilter(ctx context.Context, owner, rules string, now time.Time) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_chat_filters (owner, rules, changed) VALUES ($1, $2, $3)
		ON CONFLICT (owner) DO UPDATE SET rules = excluded.rules, changed = excluded.changed`, owner, rules, micros(now))
	return err
}
