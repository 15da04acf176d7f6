package store

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AppInvitationState says what became of an invitation.
type AppInvitationState string

// The states of an invitation. The first two are open: who is invited may come.
const (
	AppWaiting   AppInvitationState = "waiting" // not taken up yet
	AppJoined    AppInvitationState = "joined"  // taken up
	AppRemoved   AppInvitationState = "removed"
	AppWithdrawn AppInvitationState = "withdrawn"
	AppExpired   AppInvitationState = "expired" // not taken up in time
)

func (s AppInvitationState) open() bool { return s == AppWaiting || s == AppJoined }

// AppInvitation asks one person onto somebody's stage.
type AppInvitation struct {
	ID      string
	Owner   string // user id of whose stage it is
	Holder  string // id of who is invited
	Name    string
	Guest   bool // has no account
	State   AppInvitationState
	Created time.Time
	Expires time.Time // when it ends if it is still waiting
	Used    time.Time // when it was last taken up; zero if never

	Participant string // of the newest token made for it; "" if none is; read only
}

const appInvitationSelect = `SELECT i.id, i.owner, i.holder, i.name, i.guest, i.state, i.created, i.expires, i.used,
	COALESCE((SELECT t.participant FROM app_stage_tokens t WHERE t.invitation = i.id AND t.invitation <> ''
		ORDER BY t.made DESC, t.participant LIMIT 1), '') FROM app_invitations i `

func scanAppInvitation(s scanner) (i AppInvitation, err error) {
	var guest, created, expires, used int64
	err = s.Scan(&i.ID, &i.Owner, &i.Holder, &i.Name, &guest, &i.State, &created, &expires, &used, &i.Participant)
	i.Guest, i.Created, i.Expires, i.Used = guest == 1, fromMicros(created), fromMicros(expires), fromMicros(used)
	return i, err
}

// expire ends invitations of one owner that nobody took up by the given time.
func (a *App) expire(ctx context.Context, owner string, now time.Time) error {
	_, err := a.db.exec(ctx, `UPDATE app_invitations SET state = 'expired'
		WHERE owner = $1 AND state = 'waiting' AND expires <= $2`, owner, micros(now))
	return err
}

// OpenInvitation keeps an invitation made at i.Created, or finds the open one that the same person already
// has, whose end and name become the new one's. It is over Quota if the owner has limit open ones.
func (a *App) OpenInvitation(ctx context.Context, i AppInvitation, limit int) (AppInvitation, error) {
	var out AppInvitation
	err := a.db.Tx(ctx, func(ctx context.Context) error {
		// Whoever holds this row is alone with the owner's invitations.
		if _, ok, err := queryOne(ctx, a.db, scanInt, `SELECT 1 FROM app_channels WHERE user_id = $1`+a.db.dialect.forUpdate, i.Owner); err != nil {
			return err
		} else if !ok {
			return fault.Missing("there is no such channel")
		}
		if err := a.expire(ctx, i.Owner, i.Created); err != nil {
			return err
		}
		known, ok, err := queryOne(ctx, a.db, scanAppInvitation, appInvitationSelect+
			`WHERE i.owner = $1 AND i.holder = $2 AND i.state IN ('waiting', 'joined')`, i.Owner, i.Holder)
		if err != nil {
			return err
		}
		if ok {
			if _, err := a.db.exec(ctx, `UPDATE app_invitations SET expires = $1, name = $2 WHERE id = $3`, micros(i.Expires), i.Name, known.ID); err != nil {
				return err
			}
			known.Expires, known.Name = i.Expires, i.Name
			out = known
			return nil
		}
		n, _, err := queryOne(ctx, a.db, scanInt, `SELECT COUNT(*) FROM app_invitations WHERE owner = $1 AND state IN ('waiting', 'joined')`, i.Owner)
		if err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.OverQuota(limit, "you have %d open invitations; withdraw one first", limit)
		}
		if _, err := a.db.exec(ctx, `INSERT INTO app_invitations (id, owner, holder, name, guest, state, created, expires, used)
			VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, 0)`,
			i.ID, i.Owner, i.Holder, i.Name, flag(i.Guest), micros(i.Created), micros(i.Expires)); err != nil {
			return err
		}
		i.State, i.Used, i.Participant = AppWaiting, time.Time{}, ""
		out = i
		return nil
	})
	return out, err
}

// lockInvitation reads an invitation that nobody else changes until the transaction ends.
func (a *App) lockInvitation(ctx context.Context, owner, id string) (AppInvitation, error) {
	missing := fault.Missing("there is no such invitation")
	if _, ok, err := queryOne(ctx, a.db, scanInt, `SELECT 1 FROM app_invitations WHERE id = $1`+a.db.dialect.forUpdate, id); err != nil {
		return AppInvitation{}, err
	} else if !ok {
		return AppInvitation{}, missing
	}
	i, ok, err := queryOne(ctx, a.db, scanAppInvitation, appInvitationSelect+`WHERE i.id = $1 AND i.owner = $2`, id, owner)
	if err == nil && !ok {
		err = missing
	}
	return i, err
}

// TakeUp marks an invitation as taken up by its holder, if it is open at the given time, and gives it as
// it is then, open or not. NotFound says that the owner made none such; Denied that it is not the holder's.
func (a *App) TakeUp(ctx context.Context, owner, id, holder string, now time.Time) (i AppInvitation, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.expire(ctx, owner, now); err != nil {
			return err
		}
		if i, err = a.lockInvitation(ctx, owner, id); err != nil {
			return err
		}
		if i.Holder != holder {
			return fault.AccessDenied("this invitation is for somebody else")
		}
		if !i.State.open() {
			return nil
		}
		i.State, i.Used = AppJoined, now
		_, err = a.db.exec(ctx, `UPDATE app_invitations SET state = 'joined', used = $1 WHERE id = $2`, micros(now), id)
		return err
	})
	return i, err
}

// CloseInvitation ends an owner's invitation that is open, and revokes all its tokens; the service is owed word
// of the participants, of those with whom a token was revoked before, too. One that is closed already stays as
// it is.
func (a *App) CloseInvitation(ctx context.Context, owner, id string, as AppInvitationState, now time.Time) (i AppInvitation, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		if err := a.expire(ctx, owner, now); err != nil {
			return err
		}
		if i, err = a.lockInvitation(ctx, owner, id); err != nil || !i.State.open() {
			return err
		}
		i.State = as
		if _, err = a.db.exec(ctx, `UPDATE app_invitations SET state = $1 WHERE id = $2`, string(as), id); err != nil {
			return err
		}
		_, err = a.db.exec(ctx, `UPDATE app_stage_tokens SET revoked = 1, owed = 1
			WHERE invitation = $1 AND invitation <> ''`, id)
		return err
	})
	return i, err
}

// Invitations gives an owner's invitations as they are at the given time, the newest first.
func (a *App) Invitations(ctx context.Context, owner string, now time.Time, limit int) ([]AppInvitation, error) {
	out, err := query(ctx, a.db, scanAppInvitation, appInvitationSelect+`WHERE i.owner = $1 ORDER BY i.created DESC, i.id LIMIT $2`, owner, limit)
	for n := range out {
		if i := &out[n]; i.State == AppWaiting && !i.Expires.After(now) {
			i.State = AppExpired
		}
	}
	return out, err
}
