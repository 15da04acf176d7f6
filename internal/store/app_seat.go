package store

import (
	"context"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// AppRole is what somebody is on a stage.
type AppRole string

// The roles on a stage.
const (
	AppHost   AppRole = "host"   // the channel's person
	AppGuest  AppRole = "guest"  // somebody they invited
	AppViewer AppRole = "viewer" // anybody who watches
)

// AppSeat says whose place on whose stage a token is for.
type AppSeat struct {
	Owner      string // user id of the channel's person
	Holder     string // id of who sits there: a person's, or a chat guest's
	Role       AppRole
	Invitation string // id of a guest's invitation; "" for others
}

// key names a seat in the table of claims.
func (s AppSeat) key() string {
	return strings.Join([]string{s.Owner, string(s.Role), s.Invitation, s.Holder}, " ")
}

// AppStageToken is a participant token that was made, sealed.
type AppStageToken struct {
	AppSeat
	Participant string // id of the participant that the token is
	Sealed      []byte
	Made        time.Time
	Expires     time.Time

	Revoked    bool      // never to be given again
	Publishing bool      // as far as events told
	Heard      time.Time // time of the event that said so; zero if there was none
}

const appTokenColumns = `participant, owner, holder, role, invitation, sealed, made, expires, revoked, publishing, heard`

func scanAppToken(s scanner) (t AppStageToken, err error) {
	var made, expires, revoked, publishing, heard int64
	err = s.Scan(&t.Participant, &t.Owner, &t.Holder, &t.Role, &t.Invitation, &t.Sealed, &made, &expires, &revoked, &publishing, &heard)
	t.Made, t.Expires, t.Heard = fromMicros(made), fromMicros(expires), fromMicros(heard)
	t.Revoked, t.Publishing = revoked == 1, publishing == 1
	return t, err
}

// StageToken gives the token of a seat that lasts longest, if one lasts beyond the given time and may
// still be given.
func (a *App) StageToken(ctx context.Context, s AppSeat, beyond time.Time) (t AppStageToken, ok bool, err error) {
	return queryOne(ctx, a.db, scanAppToken, `SELECT `+appTokenColumns+` FROM app_stage_tokens
		WHERE owner = $1 AND holder = $2 AND role = $3 AND invitation = $4 AND expires > $5 AND revoked = 0
		ORDER BY expires DESC, participant LIMIT 1`, s.Owner, s.Holder, string(s.Role), s.Invitation, micros(beyond))
}

// StageTokenOf gives the token that a participant of somebody's stage came with; NotFound if the app made
// none such.
func (a *App) StageTokenOf(ctx context.Context, owner, participant string) (AppStageToken, error) {
	t, ok, err := queryOne(ctx, a.db, scanAppToken, `SELECT `+appTokenColumns+` FROM app_stage_tokens
		WHERE participant = $1 AND owner = $2`, participant, owner)
	if err == nil && !ok {
		err = fault.Missing("there is no such participant")
	}
	return t, err
}

// ClaimSeat makes the caller the only one who makes a token for a seat until the given time, and says
// whether that succeeded. A claim that has run out is free.
func (a *App) ClaimSeat(ctx context.Context, s AppSeat, now, until time.Time) (bool, error) {
	n, err := a.db.exec(ctx, `INSERT INTO app_stage_claims (seat, until) VALUES ($1, $2)
		ON CONFLICT (seat) DO UPDATE SET until = excluded.until WHERE app_stage_claims.until <= $3`, s.key(), micros(until), micros(now))
	return n == 1, err
}

// ReleaseSeat gives a claim back; until is what it was claimed to, so that only the claim of the caller goes.
func (a *App) ReleaseSeat(ctx context.Context, s AppSeat, until time.Time) error {
	_, err := a.db.exec(ctx, `DELETE FROM app_stage_claims WHERE seat = $1 AND until = $2`, s.key(), micros(until))
	return err
}

// InsertStageToken keeps a token that was made. A guest's whose invitation has been closed meanwhile, and a
// viewer's whose channel is not live in real time any more, is kept as revoked, and kept is false: the
// participant must go.
func (a *App) InsertStageToken(ctx context.Context, t AppStageToken) (kept bool, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		switch t.Role {
		case AppGuest:
			i, err := a.lockInvitation(ctx, t.Owner, t.Invitation)
			if err != nil && fault.Of(err) != fault.NotFound {
				return err
			}
			kept = err == nil && i.State.open()
		case AppViewer:
			// Whoever ends it revokes what is there: with this row held, before or after, but not meanwhile.
			since, ok, err := queryOne(ctx, a.db, scanInt, `SELECT real_time_since FROM app_channels WHERE user_id = $1`+a.db.dialect.forUpdate, t.Owner)
			if err != nil {
				return err
			}
			kept = ok && since > 0
		default:
			kept = true
		}
		_, err := a.db.exec(ctx, `INSERT INTO app_stage_tokens (`+appTokenColumns+`, owed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, $9)`,
			t.Participant, t.Owner, t.Holder, string(t.Role), t.Invitation, t.Sealed, micros(t.Made), micros(t.Expires), flag(!kept))
		return err
	})
	return kept, err
}

// What the service is owed of a token that is revoked.
const (
	owedNow   = 1
	owedLater = 2 // when real time ends
)

// RevokeStageToken takes one participant's token out of use; the service is owed word of it.
func (a *App) RevokeStageToken(ctx context.Context, participant string) error {
	_, err := a.db.exec(ctx, `UPDATE app_stage_tokens SET revoked = 1, owed = $1
		WHERE participant = $2 AND (revoked = 0 OR owed = $3)`, owedNow, participant, owedLater)
	return err
}

// RetireStageToken lets one participant's token never be given again. Somebody may still be there with it, which
// is their right; but a viewer must go when real time ends.
func (a *App) RetireStageToken(ctx context.Context, participant string) error {
	_, err := a.db.exec(ctx, `UPDATE app_stage_tokens SET revoked = 1, owed = CASE role WHEN 'viewer' THEN $1 ELSE 0 END
		WHERE participant = $2 AND revoked = 0`, owedLater, participant)
	return err
}

// mayStay is for how long, at most, somebody is on a stage beyond the end of their token: it ends nothing that
// is open.
const mayStay = 24 * time.Hour

// OwedDepartures gives revoked tokens whose participants the service still has to be told of at the given time,
// guests before viewers and those whose tokens last longest first; of one invitation if one is named.
func (a *App) OwedDepartures(ctx context.Context, invitation string, now time.Time, limit int) ([]AppStageToken, error) {
	return query(ctx, a.db, scanAppToken, `SELECT `+appTokenColumns+` FROM app_stage_tokens
		WHERE owed = 1 AND expires > $1 AND ($2 = '' OR invitation = $2)
		ORDER BY CASE role WHEN 'viewer' THEN 1 ELSE 0 END, expires DESC, participant LIMIT $3`, micros(now.Add(-mayStay)), invitation, limit)
}

// Departed notes that the service knows that a participant must go.
func (a *App) Departed(ctx context.Context, participant string) error {
	_, err := a.db.exec(ctx, `UPDATE app_stage_tokens SET owed = 0 WHERE participant = $1`, participant)
	return err
}

// HearParticipant notes what an event said of a participant of somebody's stage, unless a newer one has
// been heard, and gives the participant's token. NotFound says that the app made none such.
func (a *App) HearParticipant(ctx context.Context, owner, participant string, publishing bool, at time.Time) (t AppStageToken, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		if _, err := a.db.exec(ctx, `UPDATE app_stage_tokens SET publishing = $1, heard = $2
			WHERE participant = $3 AND owner = $4 AND heard <= $2`, flag(publishing), micros(at), participant, owner); err != nil {
			return err
		}
		t, err = a.StageTokenOf(ctx, owner, participant)
		return err
	})
	return t, err
}

// Publishing gives the tokens of those in a role on somebody's stage who publish, as far as events told,
// and who may still be there at the given time.
func (a *App) Publishing(ctx context.Context, owner string, role AppRole, now time.Time) ([]AppStageToken, error) {
	return query(ctx, a.db, scanAppToken, `SELECT `+appTokenColumns+` FROM app_stage_tokens
		WHERE owner = $1 AND role = $2 AND publishing = 1 AND expires > $3 ORDER BY participant`,
		owner, string(role), micros(now.Add(-mayStay)))
}

// PurgeStage removes what is of no use any more: tokens that ended, and invitations that were last used or
// made, before the given time, and claims that have run out.
func (a *App) PurgeStage(ctx context.Context, before time.Time) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		for _, text := range []string{
			`DELETE FROM app_stage_tokens WHERE expires <= $1`,
			`DELETE FROM app_invitations WHERE expires <= $1 AND used <= $1
				AND NOT EXISTS (SELECT 1 FROM app_stage_tokens t WHERE t.invitation = app_invitations.id)`,
			`DELETE FROM app_stage_claims WHERE until <= $1`,
		} {
			if _, err := a.db.exec(ctx, text, micros(before)); err != nil {
				return err
			}
		}
		return nil
	})
}
