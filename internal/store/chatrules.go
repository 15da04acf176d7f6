package store

import (
	"context"
	"fmt"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// ChatRules are the rules of a chat room as documents; empty ones are not set. The zero value is that of a
// room without rules.
type ChatRules struct {
	Version int64 // grows with each change, of penalties too
	Modes   string
	Pinned  string
}

func scanChatRules(s scanner) (r ChatRules, err error) {
	return r, s.Scan(&r.Version, &r.Modes, &r.Pinned)
}

// ChatRules reads a room's rules. What is read of penalties afterwards is of that version, or a later one.
func (db *DB) ChatRules(ctx context.Context, room string) (ChatRules, error) {
	r, _, err := queryOne(ctx, db, scanChatRules, `SELECT version, modes, pinned FROM chat_rules WHERE room = $1`, room)
	return r, err
}

// ChatVersion reads the version of a room's rules alone: 0 if there are none.
func (db *DB) ChatVersion(ctx context.Context, room string) (int64, error) {
	v, _, err := queryOne(ctx, db, scanInt, `SELECT version FROM chat_rules WHERE room = $1`, room)
	return v, err
}

// bumpChatRules counts a change, and keeps others from changing the same room's rules until the end of the transaction.
func (db *DB) bumpChatRules(ctx context.Context, room string) error {
	_, err := db.exec(ctx, `INSERT INTO chat_rules (room, version, modes, pinned, pinned_id) VALUES ($1, 1, '', '', '')
		ON CONFLICT (room) DO UPDATE SET version = chat_rules.version + 1`, room)
	return err
}

// ChangeChatModes replaces the modes of a room by what change makes of them. change may be called more than once.
func (db *DB) ChangeChatModes(ctx context.Context, room string, change func(modes string) (string, error)) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.bumpChatRules(ctx, room); err != nil {
			return err
		}
		r, err := db.ChatRules(ctx, room)
		if err != nil {
			return err
		}
		if r.Modes, err = change(r.Modes); err != nil {
			return err
		}
		_, err = db.exec(ctx, `UPDATE chat_rules SET modes = $1 WHERE room = $2`, r.Modes, room)
		return err
	})
}

// PinChatMessage pins a message in a room, in place of any other.
func (db *DB) PinChatMessage(ctx context.Context, room, messageID, doc string) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.bumpChatRules(ctx, room); err != nil {
			return err
		}
		_, err := db.exec(ctx, `UPDATE chat_rules SET pinned = $1, pinned_id = $2 WHERE room = $3`, doc, messageID, room)
		return err
	})
}

// UnpinChatMessage takes the pinned message of a room away, if it has that id, or whatever it is if the id is empty. It
// gives the id of what was pinned; "" if nothing changed.
func (db *DB) UnpinChatMessage(ctx context.Context, room, messageID string) (was string, err error) {
	err = db.Tx(ctx, func(ctx context.Context) error {
		was, _, err = queryOne(ctx, db, scanText, `SELECT pinned_id FROM chat_rules WHERE room = $1`+db.dialect.forUpdate, room)
		if err != nil || was == "" || messageID != "" && was != messageID {
			was = ""
			return err
		}
		_, err = db.exec(ctx, `UPDATE chat_rules SET pinned = '', pinned_id = '', version = version + 1 WHERE room = $1`, room)
		return err
	})
	return was, err
}

// ChatPenaltyKind says what is kept from somebody.
type ChatPenaltyKind string

// The kinds of penalties. A user can have both.
const (
	ChatBan     ChatPenaltyKind = "ban"      // may not be in the room
	ChatTimeOut ChatPenaltyKind = "time-out" // may read, but not write
)

// ChatPenalty is what holds against one user of one room.
type ChatPenalty struct {
	Room   string
	Kind   ChatPenaltyKind
	UserID string
	Reason string
	Made   time.Time
	Until  time.Time // zero: for ever
}

const chatPenaltyColumns = `room, kind, user_id, reason, made, until`

func scanChatPenalty(s scanner) (p ChatPenalty, err error) {
	var made, until int64
	err = s.Scan(&p.Room, &p.Kind, &p.UserID, &p.Reason, &made, &until)
	p.Made, p.Until = fromMicros(made), fromMicros(until)
	return p, err
}

// PutChatPenalty writes a penalty in place of any former one of the kind. It is a Quota fault where a room has limit
// others already; those that are over at the given time are removed first.
func (db *DB) PutChatPenalty(ctx context.Context, p ChatPenalty, now time.Time, limit int) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.bumpChatRules(ctx, p.Room); err != nil {
			return err
		}
		if _, err := db.exec(ctx, `DELETE FROM chat_penalties WHERE room = $1 AND until > 0 AND until <= $2`, p.Room, micros(now)); err != nil {
			return err
		}
		n, _, err := queryOne(ctx, db, scanInt, `SELECT count(*) FROM chat_penalties WHERE room = $1 AND kind = $2 AND user_id <> $3`,
			p.Room, string(p.Kind), p.UserID)
		if err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.OverQuota(limit, "the room has %d users with a %s, which is the most", n, p.Kind)
		}
		_, err = db.exec(ctx, `INSERT INTO chat_penalties (`+chatPenaltyColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (room, kind, user_id) DO UPDATE SET reason = excluded.reason, made = excluded.made, until = excluded.until`,
			p.Room, string(p.Kind), p.UserID, p.Reason, micros(p.Made), micros(p.Until))
		return err
	})
}

// EndChatPenalty removes a penalty, and says whether it was in force at the given time.
func (db *DB) EndChatPenalty(ctx context.Context, room string, kind ChatPenaltyKind, userID string, now time.Time) (was bool, err error) {
	err = db.Tx(ctx, func(ctx context.Context) error {
		if _, was, err = db.ChatPenalty(ctx, room, kind, userID, now); err != nil || !was {
			return err
		}
		if err := db.bumpChatRules(ctx, room); err != nil {
			return err
		}
		_, err = db.exec(ctx, `DELETE FROM chat_penalties WHERE room = $1 AND kind = $2 AND user_id = $3`, room, string(kind), userID)
		return err
	})
	return was, err
}

// ChatPenalty gives a user's penalty of a kind that is in force at the given time, if there is one.
func (db *DB) ChatPenalty(ctx context.Context, room string, kind ChatPenaltyKind, userID string, now time.Time) (p ChatPenalty, ok bool, err error) {
	return queryOne(ctx, db, scanChatPenalty, `SELECT `+chatPenaltyColumns+` FROM chat_penalties
		WHERE room = $1 AND kind = $2 AND user_id = $3 AND (until = 0 OR until > $4)`, room, string(kind), userID, micros(now))
}

// ChatPenalties gives all penalties of a room that are in force at the given time, of both kinds, in no certain order.
func (db *DB) ChatPenalties(ctx context.Context, room string, now time.Time) ([]ChatPenalty, error) {
	return query(ctx, db, scanChatPenalty, `SELECT `+chatPenaltyColumns+` FROM chat_penalties
		WHERE room = $1 AND (until = 0 OR until > $2)`, room, micros(now))
}

// ListChatPenalties reads a page of a room's penalties of one kind that are in force at the given time, newest first, and
// the cursor of the next page, nil at the end. The cursor's ARN field holds a user's id.
func (db *DB) ListChatPenalties(ctx context.Context, room string, kind ChatPenaltyKind, now time.Time, limit int, after *Cursor) ([]ChatPenalty, *Cursor, error) {
	at, id := after.args()
	list, err := query(ctx, db, scanChatPenalty, fmt.Sprintf(`SELECT `+chatPenaltyColumns+` FROM chat_penalties
		WHERE room = $1 AND kind = $2 AND (until = 0 OR until > $3) AND (made, user_id) < ($4, $5)
		ORDER BY made DESC, user_id DESC LIMIT %d`, limit+1), room, string(kind), micros(now), at, id)
	if err != nil || len(list) <= limit {
		return list, nil, err
	}
	list = list[:limit]
	last := list[limit-1]
	return list, &Cursor{Time: micros(last.Made), ARN: last.UserID}, nil
}

// TrimChatPenalties removes penalties of all rooms that are over at the given time, and says how many there were.
func (db *DB) TrimChatPenalties(ctx context.Context, now time.Time) (int, error) {
	n, err := db.exec(ctx, `DELETE FROM chat_penalties WHERE until > 0 AND until <= $1`, micros(now))
	return int(n), err
}
