package store

import (
	"context"
	"slices"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// App is the part of the database that belongs to the web app: its people, their channels as the app
// shows them, streams and sessions. The streaming engine reads none of it.
type App struct{ db *DB }

// App gives the web app's part of the database.
func (db *DB) App() *App { return &App{db} }

// Tx is DB.Tx.
func (a *App) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	return a.db.Tx(ctx, fn)
}

// Once is DB.Once.
func (a *App) Once(ctx context.Context, purpose, id string, until time.Time) (bool, error) {
	return a.db.Once(ctx, purpose, id, until)
}

// AppState says how far a person has come.
type AppState string

// The states of a person. Only active ones can sign in and be seen.
const (
	AppProvisioning AppState = "provisioning" // their resources are being made
	AppActive       AppState = "active"
	AppRemoving     AppState = "removing" // what was made for them is being removed
)

// AppUser is a person.
type AppUser struct {
	ID           string
	Username     string // as it was typed
	NameKey      string // as names are compared; unique
	PasswordHash string
	State        AppState
	Created      time.Time
}

// AppChannel is a person's channel as the app shows it. Empty ARNs are not made yet.
type AppChannel struct {
	UserID   string
	Username string // read from the person, never written
	Created  time.Time

	ChannelARN, RoomARN, StageARN string

	Title    string
	Category string

	LiveStream string    // id of the running stream; "" while off air
	LiveSince  time.Time // zero while off air
	LastLive   time.Time // start of the newest stream; zero if there was none

	RealTimeSince time.Time // zero while not live in real time
	RealTimeLost  time.Time // since when the host is missed on the stage; zero if they are not
	RoomOwed      int       // tries left to tell the room of the last change
}

// AppChannelChange says what to change of a channel; nil leaves alone.
type AppChannelChange struct {
	ChannelARN, RoomARN, StageARN *string
	Title, Category               *string
}

const appUserColumns = `id, username, name_key, password_hash, state, created`

func scanAppUser(s scanner) (u AppUser, err error) {
	var created int64
	err = s.Scan(&u.ID, &u.Username, &u.NameKey, &u.PasswordHash, &u.State, &created)
	u.Created = fromMicros(created)
	return u, err
}

const appChannelSelect = `SELECT c.user_id, u.username, u.created, c.channel_arn, c.room_arn, c.stage_arn,
	c.title, c.category, c.live_stream, c.live_since, c.last_live, c.real_time_since, c.real_time_lost, c.room_owed
	FROM app_channels c JOIN app_users u ON u.id = c.user_id `

func scanAppChannel(s scanner) (c AppChannel, err error) {
	var created, since, last, realTime, lost int64
	err = s.Scan(&c.UserID, &c.Username, &created, &c.ChannelARN, &c.RoomARN, &c.StageARN,
		&c.Title, &c.Category, &c.LiveStream, &since, &last, &realTime, &lost, &c.RoomOwed)
	c.Created, c.LiveSince, c.LastLive = fromMicros(created), fromMicros(since), fromMicros(last)
	c.RealTimeSince, c.RealTimeLost = fromMicros(realTime), fromMicros(lost)
	return c, err
}

// InsertUser writes a new person and their channel, claimed until the given time. Conflict says that
// the name is taken.
func (a *App) InsertUser(ctx context.Context, u AppUser, c AppChannel, claimed time.Time) error {
	return a.db.Tx(ctx, func(ctx context.Context) error {
		n, err := a.db.exec(ctx, `INSERT INTO app_users (`+appUserColumns+`, claimed) VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (name_key) DO NOTHING`,
			u.ID, u.Username, u.NameKey, u.PasswordHash, string(u.State), micros(u.Created), micros(claimed))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.InConflict("the name %s is taken", u.Username)
		}
		_, err = a.db.exec(ctx, `INSERT INTO app_channels (user_id, channel_arn, room_arn, stage_arn, title, category,
			live_stream, live_since, last_live) VALUES ($1, $2, $3, $4, $5, $6, '', 0, 0)`,
			u.ID, c.ChannelARN, c.RoomARN, c.StageARN, c.Title, c.Category)
		return err
	})
}

// User finds a person by id, in whatever state.
func (a *App) User(ctx context.Context, id string) (AppUser, error) {
	return a.user(ctx, `id = $1`, id)
}

// UserByName finds a person by the key of their name, in whatever state.
func (a *App) UserByName(ctx context.Context, nameKey string) (AppUser, error) {
	return a.user(ctx, `name_key = $1`, nameKey)
}

func (a *App) user(ctx context.Context, where, value string) (AppUser, error) {
	u, ok, err := queryOne(ctx, a.db, scanAppUser, `SELECT `+appUserColumns+` FROM app_users WHERE `+where, value)
	if err == nil && !ok {
		err = fault.Missing("there is nobody of that name")
	}
	return u, err
}

// UnfinishedUsers gives people who are not active and whom nobody works on at the given time, oldest
// first.
func (a *App) UnfinishedUsers(ctx context.Context, now time.Time, limit int) ([]AppUser, error) {
	return query(ctx, a.db, scanAppUser, `SELECT `+appUserColumns+` FROM app_users
		WHERE state <> 'active' AND claimed <= $1 ORDER BY created LIMIT $2`, micros(now), limit)
}

// ClaimUser takes a person to work on until the given time, and says whether that succeeded: somebody
// else may hold the claim, or the person may be active or gone. A claim that has run out is free.
func (a *App) ClaimUser(ctx context.Context, id string, now, until time.Time) (bool, error) {
	n, err := a.db.exec(ctx, `UPDATE app_users SET claimed = $1 WHERE id = $2 AND claimed <= $3 AND state <> 'active'`,
		micros(until), id, micros(now))
	return n == 1, err
}

// ExtendClaim prolongs a claim; only who holds it may call.
func (a *App) ExtendClaim(ctx context.Context, id string, until time.Time) error {
	_, err := a.db.exec(ctx, `UPDATE app_users SET claimed = $1 WHERE id = $2`, micros(until), id)
	return err
}

// ReleaseUser gives a claim back.
func (a *App) ReleaseUser(ctx context.Context, id string) error {
	_, err := a.db.exec(ctx, `UPDATE app_users SET claimed = 0 WHERE id = $1`, id)
	return err
}

// SetUserState moves a person from one state to another; Conflict if they were not in it.
func (a *App) SetUserState(ctx context.Context, id string, from, to AppState) error {
	n, err := a.db.exec(ctx, `UPDATE app_users SET state = $1 WHERE id = $2 AND state = $3`, string(to), id, string(from))
	if err == nil && n == 0 {
		err = fault.InConflict("the account changed meanwhile")
	}
	return err
}

// DeleteUser removes a person with all that is theirs in these tables.
func (a *App) DeleteUser(ctx context.Context, id string) error {
	_, err := a.db.exec(ctx, `DELETE FROM app_users WHERE id = $1`, id)
	return err
}

// Channel gives the channel of a person in whatever state.
func (a *App) Channel(ctx context.Context, userID string) (AppChannel, error) {
	return a.channel(ctx, `WHERE c.user_id = $1`, userID)
}

// ChannelByName gives the channel of the active person with that name.
func (a *App) ChannelByName(ctx context.Context, nameKey string) (AppChannel, error) {
	return a.channel(ctx, `WHERE u.name_key = $1 AND u.state = 'active'`, nameKey)
}

// ChannelsByName gives the channels of those active people among the named, in no certain order.
func (a *App) ChannelsByName(ctx context.Context, nameKeys []string) (out []AppChannel, err error) {
	for chunk := range slices.Chunk(nameKeys, 100) {
		some, err := query(ctx, a.db, scanAppChannel, appChannelSelect+
			`WHERE u.name_key IN (`+places(1, len(chunk))+`) AND u.state = 'active'`, anys(chunk)...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// ChannelByARN gives the channel with that name at IVS.
func (a *App) ChannelByARN(ctx context.Context, arn string) (AppChannel, error) {
	return a.channel(ctx, `WHERE c.channel_arn = $1 AND c.channel_arn <> ''`, arn)
}

func (a *App) channel(ctx context.Context, where, value string) (AppChannel, error) {
	c, ok, err := queryOne(ctx, a.db, scanAppChannel, appChannelSelect+where, value)
	if err == nil && !ok {
		err = fault.Missing("there is no such channel")
	}
	return c, err
}

// UpdateChannel changes a person's channel; NotFound if there is none.
func (a *App) UpdateChannel(ctx context.Context, userID string, ch AppChannelChange) error {
	n, err := a.db.exec(ctx, `UPDATE app_channels SET channel_arn = COALESCE($1, channel_arn),
		room_arn = COALESCE($2, room_arn), stage_arn = COALESCE($3, stage_arn), title = COALESCE($4, title),
		category = COALESCE($5, category) WHERE user_id = $6`,
		ch.ChannelARN, ch.RoomARN, ch.StageARN, ch.Title, ch.Category, userID)
	if err == nil && n == 0 {
		err = fault.Missing("there is no such channel")
	}
	return err
}

// LiveChannels gives channels that are on air, in real time or otherwise, the latest to begin first.
func (a *App) LiveChannels(ctx context.Context, limit int) ([]AppChannel, error) {
	return query(ctx, a.db, scanAppChannel, appChannelSelect+`WHERE c.user_id IN (
			SELECT user_id FROM app_channels WHERE live_stream <> '' UNION SELECT user_id FROM app_channels WHERE real_time_since > 0)
		ORDER BY CASE WHEN c.live_since > c.real_time_since THEN c.live_since ELSE c.real_time_since END DESC, c.user_id LIMIT $1`, limit)
}

// RecentChannels gives channels that are off air in every way and were on it, the last one first.
func (a *App) RecentChannels(ctx context.Context, limit int) ([]AppChannel, error) {
	return query(ctx, a.db, scanAppChannel, appChannelSelect+`WHERE c.last_live > 0 AND c.live_stream = '' AND c.real_time_since = 0
		ORDER BY c.last_live DESC, c.user_id LIMIT $1`, limit)
}
