package store

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AppModerator is somebody whom a channel's person lets keep order in the chat.
type AppModerator struct {
	UserID, Username string
	Added            time.Time
}

func scanAppModerator(s scanner) (m AppModerator, err error) {
	var added int64
	err = s.Scan(&m.UserID, &m.Username, &added)
	m.Added = fromMicros(added)
	return m, err
}

// Moderators lists those of a channel, in the order of their names.
func (a *App) Moderators(ctx context.Context, owner string) ([]AppModerator, error) {
	return query(ctx, a.db, scanAppModerator, `SELECT m.user_id, u.username, m.added FROM app_moderators m JOIN app_users u ON u.id = m.user_id
		WHERE m.owner = $1 ORDER BY u.name_key`, owner)
}

// IsModerator says whether somebody is one of a channel.
func (a *App) IsModerator(ctx context.Context, owner, userID string) (bool, error) {
	_, ok, err := queryOne(ctx, a.db, scanInt, `SELECT 1 FROM app_moderators WHERE owner = $1 AND user_id = $2`, owner, userID)
	return ok, err
}

// AddModerator names a moderator and says whether they are new; Quota if there are limit already.
func (a *App) AddModerator(ctx context.Context, owner, userID string, at time.Time, limit int) (added bool, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		n, _, err := queryOne(ctx, a.db, scanInt, `SELECT count(*) FROM app_moderators WHERE owner = $1 AND user_id <> $2`, owner, userID)
		if err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.OverQuota(limit, "the channel has %d moderators, which is the most", n)
		}
		rows, err := a.db.exec(ctx, `INSERT INTO app_moderators (owner, user_id, added) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, owner, userID, micros(at))
		added = rows == 1
		return err
	})
	return added, err
}

// RemoveModerator says whether there was such a moderator.
func (a *App) RemoveModerator(ctx context.Context, owner, userID string) (bool, error) {
	n, err := a.db.exec(ctx, `DELETE FROM app_moderators WHERE owner = $1 AND user_id = $2`, owner, userID)
	return n == 1, err
}

// AppChatter is who asked for a chat token.
type AppChatter struct {
	Owner, UserID, Name string
	Device              string // the guest that their browser is
	Network             string // a mark; "" if it is not known
	Seen                time.Time
}

func scanAppChatter(s scanner) (c AppChatter, err error) {
	var seen int64
	err = s.Scan(&c.Owner, &c.UserID, &c.Name, &c.Device, &c.Network, &seen)
	c.Seen = fromMicros(seen)
	return c, err
}

// SeeChatter writes down who asked for a token.
func (a *App) SeeChatter(ctx context.Context, c AppChatter) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_chatters (owner, user_id, name, device, network, seen) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (owner, user_id) DO UPDATE SET name = excluded.name, device = excluded.device, network = excluded.network, seen = excluded.seen`,
		c.Owner, c.UserID, c.Name, c.Device, c.Network, micros(c.Seen))
	return err
}

// Chatter gives who was last seen in a chat under an id, if anybody was.
func (a *App) Chatter(ctx context.Context, owner, userID string) (AppChatter, bool, error) {
	return queryOne(ctx, a.db, scanAppChatter, `SELECT owner, user_id, name, device, network, seen FROM app_chatters
		WHERE owner = $1 AND user_id = $2`, owner, userID)
}

// AppPenalty is a ban or a time-out in the chat of a channel.
type AppPenalty struct {
	Owner        string
	Kind         ChatPenaltyKind
	UserID, Name string
	Reason       string
	Moderator    string // user id of who did it
	Made         time.Time
	Until        time.Time // zero: for ever
	Device       string
	Network      string
	NetworkUntil time.Time
	Lifted       bool
}

const appPenaltyColumns = `owner, kind, user_id, name, reason, moderator, made, until, device, network, network_until, lifted`

func scanAppPenalty(s scanner) (p AppPenalty, err error) {
	var made, until, network, lifted int64
	err = s.Scan(&p.Owner, &p.Kind, &p.UserID, &p.Name, &p.Reason, &p.Moderator, &made, &until, &p.Device, &p.Network, &network, &lifted)
	p.Made, p.Until, p.NetworkUntil, p.Lifted = fromMicros(made), fromMicros(until), fromMicros(network), lifted == 1
	return p, err
}

const penaltyHolds = `lifted = 0 AND (until = 0 OR until > `

// PutPenalty writes a penalty in place of any former one of the kind, which the service is owed word of. It is a Quota
// fault where a channel has limit others.
func (a *App) PutPenalty(ctx context.Context, p AppPenalty, limit int) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		n, _, err := queryOne(ctx, a.db, scanInt, `SELECT count(*) FROM app_chat_penalties WHERE owner = $1 AND kind = $2 AND user_id <> $3
			AND `+penaltyHolds+`$4)`, p.Owner, string(p.Kind), p.UserID, micros(p.Made))
		if err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.OverQuota(limit, "the channel has %d people with a %s, which is the most", n, p.Kind)
		}
		_, err = a.db.exec(ctx, `INSERT INTO app_chat_penalties (`+appPenaltyColumns+`, owed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 1)
			ON CONFLICT (owner, kind, user_id) DO UPDATE SET name = excluded.name, reason = excluded.reason, moderator = excluded.moderator, made = excluded.made,
				until = excluded.until, device = excluded.device, network = excluded.network, network_until = excluded.network_until, lifted = 0, owed = 1`,
			p.Owner, string(p.Kind), p.UserID, p.Name, p.Reason, p.Moderator, micros(p.Made), micros(p.Until), p.Device, p.Network, micros(p.NetworkUntil))
		return err
	})
}

// LiftPenalty ends one that is in force at the given time, which the service is owed word of; false if there is none.
func (a *App) LiftPenalty(ctx context.Context, owner string, kind ChatPenaltyKind, userID string, now time.Time) (bool, error) {
	n, err := a.db.exec(ctx, `UPDATE app_chat_penalties SET lifted = 1, owed = 1 WHERE owner = $1 AND kind = $2 AND user_id = $3
		AND `+penaltyHolds+`$4)`, owner, string(kind), userID, micros(now))
	return n == 1, err
}

// Penalty gives the one of somebody that is in force at the given time, if there is one.
func (a *App) Penalty(ctx context.Context, owner string, kind ChatPenaltyKind, userID string, now time.Time) (AppPenalty, bool, error) {
	return queryOne(ctx, a.db, scanAppPenalty, `SELECT `+appPenaltyColumns+` FROM app_chat_penalties WHERE owner = $1 AND kind = $2 AND user_id = $3
		AND `+penaltyHolds+`$4)`, owner, string(kind), userID, micros(now))
}

// GuestBanned says whether a ban is in force at the given time by which a browser, or one of two marks of a network,
// is kept out.
func (a *App) GuestBanned(ctx context.Context, owner, device, network, formerly string, now time.Time) (bool, error) {
	_, ok, err := queryOne(ctx, a.db, scanInt, `SELECT 1 FROM app_chat_penalties WHERE owner = $1 AND kind = 'ban' AND `+penaltyHolds+`$2)
		AND (device <> '' AND device = $3 OR network <> '' AND network IN ($4, $5) AND network_until > $2) LIMIT 1`,
		owner, micros(now), device, network, formerly)
	return ok, err
}

// Penalties gives a page of those of a kind that are in force at the given time, newest first, and the cursor of the
// next page, nil at the end. The cursor's ARN field holds a user's id.
func (a *App) Penalties(ctx context.Context, owner string, kind ChatPenaltyKind, now time.Time, limit int, after *Cursor) ([]AppPenalty, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, a.db, scanAppPenalty, fmt.Sprintf(`SELECT `+appPenaltyColumns+` FROM app_chat_penalties WHERE owner = $1 AND kind = $2
		AND `+penaltyHolds+`$3) AND (made, user_id) < ($4, $5) ORDER BY made DESC, user_id DESC LIMIT %d`, limit+1),
		owner, string(kind), micros(now), at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Made), ARN: last.UserID}, nil
}

// OwedPenalties gives those that the service does not know of, the oldest first.
func (a *App) OwedPenalties(ctx context.Context, limit int) ([]AppPenalty, error) {
	return query(ctx, a.db, scanAppPenalty, `SELECT `+appPenaltyColumns+` FROM app_chat_penalties WHERE owed = 1 ORDER BY made, user_id LIMIT $1`, limit)
}

// SettlePenalty notes that the service knows of a penalty, or of its end, unless it has changed since p was read.
func (a *App) SettlePenalty(ctx context.Context, p AppPenalty) error {
	text := `UPDATE app_chat_penalties SET owed = 0 WHERE owner = $1 AND kind = $2 AND user_id = $3 AND made = $4 AND lifted = 0`
	if p.Lifted {
		text = `DELETE FROM app_chat_penalties WHERE owner = $1 AND kind = $2 AND user_id = $3 AND made = $4 AND lifted = 1`
	}
	_, err := a.db.exec(ctx, text, p.Owner, string(p.Kind), p.UserID, micros(p.Made))
	return err
}

// AppChatRules are the modes and the pinned message of a chat as documents; empty ones are not set.
type AppChatRules struct{ Modes, Pinned string }

func scanAppChatRules(s scanner) (r AppChatRules, err error) { return r, s.Scan(&r.Modes, &r.Pinned) }

// ChatRules reads those of a channel.
func (a *App) ChatRules(ctx context.Context, owner string) (AppChatRules, error) {
	r, _, err := queryOne(ctx, a.db, scanAppChatRules, `SELECT modes, pinned FROM app_chat_rules WHERE owner = $1`, owner)
	return r, err
}

// PutChatModes writes the modes, of which the service is owed word.
func (a *App) PutChatModes(ctx context.Context, owner, modes string) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_chat_rules (owner, modes, owed, pinned) VALUES ($1, $2, 1, '')
		ON CONFLICT (owner) DO UPDATE SET modes = excluded.modes, owed = 1`, owner, modes)
	return err
}

// PutChatPinned writes the pinned message; "" is none.
func (a *App) PutChatPinned(ctx context.Context, owner, pinned string) error {
	_, err := a.db.exec(ctx, `INSERT INTO app_chat_rules (owner, modes, owed, pinned) VALUES ($1, '', 0, $2)
		ON CONFLICT (owner) DO UPDATE SET pinned = excluded.pinned`, owner, pinned)
	return err
}

// OwedModes gives the owners of channels whose modes the service does not know.
func (a *App) OwedModes(ctx context.Context, limit int) ([]string, error) {
	return query(ctx, a.db, scanText, `SELECT owner FROM app_chat_rules WHERE owed = 1 ORDER BY owner LIMIT $1`, limit)
}

// SettleModes notes that the service knows these modes.
func (a *App) SettleModes(ctx context.Context, owner, modes string) error {
	_, err := a.db.exec(ctx, `UPDATE app_chat_rules SET owed = 0 WHERE owner = $1 AND modes = $2`, owner, modes)
	return err
}
