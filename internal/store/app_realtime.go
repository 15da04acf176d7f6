package store

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// ChannelByStage gives the channel of the person whose stage has that ARN.
func (a *App) ChannelByStage(ctx context.Context, arn string) (AppChannel, error) {
	return a.channel(ctx, `WHERE c.stage_arn = $1 AND c.stage_arn <> ''`, arn)
}

// StartRealTime makes a channel live in real time since the given time, and its room is owed word of it in
// at most so many tries. It says whether that changed anything: a channel that is live stays as it is.
func (a *App) StartRealTime(ctx context.Context, userID string, since time.Time, tries int) (changed bool, err error) {
	n, err := a.db.exec(ctx, `UPDATE app_channels SET real_time_since = $1, real_time_lost = 0, room_owed = $2
		WHERE user_id = $3 AND real_time_since = 0`, micros(since), tries, userID)
	return n == 1, err
}

// StopRealTime ends what StartRealTime began, and the room is owed word of it. The tokens of viewers are
// revoked, and the service is owed word of them: who watched on would hear people who think they are among
// themselves.
func (a *App) StopRealTime(ctx context.Context, userID string, tries int) (changed bool, err error) {
	return a.stopRealTime(ctx, userID, tries, ``)
}

// StopLost is StopRealTime for a channel whose host is missed, as c says; it does nothing if the host came
// back or the channel went live anew meanwhile.
func (a *App) StopLost(ctx context.Context, c AppChannel, tries int) (changed bool, err error) {
	return a.stopRealTime(ctx, c.UserID, tries, ` AND real_time_since = $3 AND real_time_lost = $4 AND real_time_lost > 0`,
		micros(c.RealTimeSince), micros(c.RealTimeLost))
}

func (a *App) stopRealTime(ctx context.Context, userID string, tries int, only string, args ...any) (changed bool, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		n, err := a.db.exec(ctx, `UPDATE app_channels SET real_time_since = 0, real_time_lost = 0, room_owed = $1
			WHERE user_id = $2 AND real_time_since > 0`+only, append([]any{tries, userID}, args...)...)
		if changed = n == 1; err != nil || !changed {
			return err
		}
		_, err = a.db.exec(ctx, `UPDATE app_stage_tokens SET revoked = 1, owed = $1
			WHERE owner = $2 AND role = 'viewer' AND (revoked = 0 OR owed = $3)`, owedNow, userID, owedLater)
		return err
	})
	return changed, err
}

// MissHost notes since when the host of a channel that is live in real time is missed. Who is missed
// already stays so since the earlier word.
func (a *App) MissHost(ctx context.Context, userID string, since time.Time) error {
	_, err := a.db.exec(ctx, `UPDATE app_channels SET real_time_lost = $1
		WHERE user_id = $2 AND real_time_since > 0 AND real_time_lost = 0`, micros(since), userID)
	return err
}

// FindHost notes that a host is there again.
func (a *App) FindHost(ctx context.Context, userID string) error {
	_, err := a.db.exec(ctx, `UPDATE app_channels SET real_time_lost = 0 WHERE user_id = $1 AND real_time_lost > 0`, userID)
	return err
}

// RealTimeChannels gives channels that are live in real time, those whose hosts are missed first.
func (a *App) RealTimeChannels(ctx context.Context, limit int) ([]AppChannel, error) {
	return query(ctx, a.db, scanAppChannel, appChannelSelect+
		`WHERE c.real_time_since > 0 ORDER BY c.real_time_lost DESC, c.real_time_since DESC, c.user_id LIMIT $1`, limit)
}

// LostChannels gives channels that are live in real time and whose hosts have been missed since the given
// time or longer.
func (a *App) LostChannels(ctx context.Context, since time.Time, limit int) ([]AppChannel, error) {
	return query(ctx, a.db, scanAppChannel, appChannelSelect+
		`WHERE c.real_time_since > 0 AND c.real_time_lost > 0 AND c.real_time_lost <= $1
		ORDER BY c.real_time_lost, c.user_id LIMIT $2`, micros(since), limit)
}

// UntoldRooms gives channels whose rooms are owed word of going live in real time, or of its end.
func (a *App) UntoldRooms(ctx context.Context, limit int) ([]AppChannel, error) {
	return query(ctx, a.db, scanAppChannel, appChannelSelect+`WHERE c.room_owed > 0 ORDER BY c.user_id LIMIT $1`, limit)
}

// RoomTold notes how a try to tell a room went: what it was told of is the state of c. It gives the channel
// as it is now, whose state may be another one.
func (a *App) RoomTold(ctx context.Context, c AppChannel, ok bool) (now AppChannel, err error) {
	err = a.db.Tx(ctx, func(ctx context.Context) error {
		text := `UPDATE app_channels SET room_owed = room_owed - 1 WHERE user_id = $1 AND real_time_since = $2 AND room_owed > 0`
		if ok {
			text = `UPDATE app_channels SET room_owed = 0 WHERE user_id = $1 AND real_time_since = $2`
		}
		if _, err := a.db.exec(ctx, text, c.UserID, micros(c.RealTimeSince)); err != nil {
			return err
		}
		now, err = a.Channel(ctx, c.UserID)
		if fault.Of(err) == fault.NotFound { // the person went meanwhile
			now, err = c, nil
		}
		return err
	})
	return now, err
}
