package ugc

import (
	"context"
	"errors"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	maxChatBans     = 5000
	maxChatTimeOuts = 1000
	maxTimeOut      = 14 * 24 * time.Hour
	maxBan          = 10 * 365 * 24 * time.Hour // that ends; others do not
	maxChatReason   = 200
	// networkEpoch is how often marks of networks change, and how long a ban counts for a network at most: addresses
	// come to belong to others.
	networkEpoch = 7 * 24 * time.Hour
	maxOwedChat  = 50 // penalties that one pass tells the service of
)

// ChatPenalty is a ban or a time-out as moderators see it.
type ChatPenalty struct {
	UserID    string     `json:"userId"`
	Name      string     `json:"name"`
	Reason    string     `json:"reason"`
	Moderator string     `json:"moderator"` // user id
	MadeAt    time.Time  `json:"madeAt"`
	Until     *time.Time `json:"until"` // null: for ever
}

func chatPenalty(p store.AppPenalty) ChatPenalty {
	out := ChatPenalty{UserID: p.UserID, Name: p.Name, Reason: p.Reason, Moderator: p.Moderator, MadeAt: p.Made}
	if !p.Until.IsZero() {
		out.Until = &p.Until
	}
	return out
}

// mark gives what is kept of a network in a channel: nobody can read the address from it without this server's key, and
// it is another one in another channel and another week.
func (a *App) mark(owner, network string, at time.Time) string {
	if network == "" {
		return ""
	}
	epoch := at.Unix() / int64(networkEpoch/time.Second)
	return a.Sealer.Digest("chat network", strconv.FormatInt(epoch, 10)+" "+owner+" "+network)
}

var errBanned = &Coded{"banned", fault.AccessDenied("you are banned from this chat")}

// admit refuses who is banned and notes who asks. An account is kept out by a ban of its own; a guest also by one of
// the browser's account or former self, or of the network, which people with an account are not.
func (a *App) admit(ctx context.Context, c store.AppChannel, who Chatter) error {
	if who.UserID == c.UserID {
		return nil
	}
	now := a.stamp()
	mark, formerly := a.mark(c.UserID, who.Network, now), a.mark(c.UserID, who.Network, now.Add(-networkEpoch))
	_, banned, err := a.rows.Penalty(ctx, c.UserID, store.ChatBan, who.UserID, now)
	if err != nil {
		return err
	}
	if banned {
		return errBanned
	}
	if who.Guest {
		switch banned, err := a.rows.GuestBanned(ctx, c.UserID, who.Device, mark, formerly, now); {
		case err != nil:
			return err
		case banned:
			return &Coded{"banned", fault.AccessDenied("guests from here may not chat in this channel now; signing in may help")}
		}
	}
	return a.rows.SeeChatter(ctx, store.AppChatter{Owner: c.UserID, UserID: who.UserID, Name: who.Name, Device: who.Device, Network: mark, Seen: now})
}

// Ban keeps somebody out of a channel's chat for a time, or for ever if it is 0.
func (a *App) Ban(ctx context.Context, username string, actor User, userID, name, reason string, d time.Duration) (ChatPenalty, error) {
	if d < 0 || d > maxBan {
		return ChatPenalty{}, fault.InvalidInput("a ban is for ever, or from 1 to %d seconds", int(maxBan/time.Second))
	}
	return a.penalize(ctx, username, actor, store.ChatBan, userID, name, reason, d)
}

// TimeOut keeps somebody from writing in a channel's chat for a time.
func (a *App) TimeOut(ctx context.Context, username string, actor User, userID, name, reason string, d time.Duration) (ChatPenalty, error) {
	if d < time.Second || d > maxTimeOut {
		return ChatPenalty{}, fault.InvalidInput("a time-out is from 1 to %d seconds", int(maxTimeOut/time.Second))
	}
	return a.penalize(ctx, username, actor, store.ChatTimeOut, userID, name, reason, d)
}

func (a *App) penalize(ctx context.Context, username string, actor User, kind store.ChatPenaltyKind, userID, name, reason string, d time.Duration) (ChatPenalty, error) {
	if utf8.RuneCountInString(reason) > maxChatReason || !isText(reason) {
		return ChatPenalty{}, invalid("reason", "A reason has at most 200 characters.")
	}
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return ChatPenalty{}, err
	}
	if err := a.against(ctx, b, userID); err != nil {
		return ChatPenalty{}, err
	}
	who, err := a.invitee(ctx, userID, name)
	if err != nil {
		return ChatPenalty{}, err
	}
	if err := a.mayReplace(ctx, b, kind, who.UserID); err != nil {
		return ChatPenalty{}, err
	}
	p := store.AppPenalty{Owner: b.c.UserID, Kind: kind, UserID: who.UserID, Name: who.Name, Reason: reason, Moderator: actor.ID, Made: a.stamp()}
	if d > 0 {
		p.Until = p.Made.Add(d)
	}
	if kind == store.ChatBan {
		seen, ok, err := a.rows.Chatter(ctx, p.Owner, p.UserID)
		if err != nil {
			return ChatPenalty{}, err
		}
		if ok {
			p.Device, p.Network, p.NetworkUntil = seen.Device, seen.Network, p.Made.Add(networkEpoch)
		}
		if who.Guest {
			p.Device = who.UserID
		}
	}
	limit := map[store.ChatPenaltyKind]int{store.ChatBan: maxChatBans, store.ChatTimeOut: maxChatTimeOuts}[kind]
	err = a.rows.Tx(ctx, func(ctx context.Context) error {
		return first(a.rows.PutPenalty(ctx, p, limit), a.log(ctx, b, deed{string(kind), p.UserID, p.Name, map[string]any{"reason": reason, "until": chatPenalty(p).Until}}))
	})
	if fault.Of(err) == fault.Quota {
		err = &Coded{"too-many", fault.InConflict("%s", fault.Message(err))}
	}
	if err != nil {
		return ChatPenalty{}, err
	}
	a.tellPenalty(ctx, b.c, p)
	return chatPenalty(p), nil
}

// mayReplace keeps moderators from changing what the owner has done.
func (a *App) mayReplace(ctx context.Context, b bench, kind store.ChatPenaltyKind, userID string) error {
	if b.role == ChatOwner {
		return nil
	}
	p, there, err := a.rows.Penalty(ctx, b.c.UserID, kind, userID, a.Now())
	if err == nil && there && p.Moderator == b.c.UserID {
		err = fault.AccessDenied("the channel's owner did this: only they can change it")
	}
	return err
}

// Lift ends a ban or a time-out; NotFound if there is none.
func (a *App) Lift(ctx context.Context, username string, actor User, kind store.ChatPenaltyKind, userID string) error {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return err
	}
	return a.lift(ctx, b, kind, userID)
}

func (a *App) lift(ctx context.Context, b bench, kind store.ChatPenaltyKind, userID string) error {
	if err := a.mayReplace(ctx, b, kind, userID); err != nil {
		return err
	}
	p, there, err := a.rows.Penalty(ctx, b.c.UserID, kind, userID, a.Now())
	if err == nil && !there {
		err = fault.Missing("there is no %s to lift", kind)
	}
	if err != nil {
		return err
	}
	action := map[store.ChatPenaltyKind]string{store.ChatBan: "unban", store.ChatTimeOut: "end-time-out"}[kind]
	err = a.rows.Tx(ctx, func(ctx context.Context) error {
		_, err := a.rows.LiftPenalty(ctx, b.c.UserID, kind, userID, a.Now())
		return first(err, a.log(ctx, b, deed{action: action, target: p.UserID, name: p.Name}))
	})
	if err != nil {
		return err
	}
	p.Lifted = true
	a.tellPenalty(ctx, b.c, p)
	return nil
}

// ChatPenalties gives a page of a channel's bans or time-outs, newest first.
func (a *App) ChatPenalties(ctx context.Context, username string, actor User, kind store.ChatPenaltyKind, limit int, after *store.Cursor) ([]ChatPenalty, *store.Cursor, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return nil, nil, err
	}
	found, next, err := a.rows.Penalties(ctx, b.c.UserID, kind, a.Now(), limit, after)
	out := make([]ChatPenalty, 0, len(found))
	for _, p := range found {
		out = append(out, chatPenalty(p))
	}
	return out, next, err
}

// tellPenalty tells the service of a penalty, or of its end. It holds for new tokens whatever comes of that; what
// fails is tried again by settleChat.
func (a *App) tellPenalty(ctx context.Context, c store.AppChannel, p store.AppPenalty) {
	if err := a.settlePenalty(context.WithoutCancel(ctx), c, p); err != nil {
		a.Log.WarnContext(ctx, "the streaming service could not be told whom to keep out of a chat; it is tried again", "channel", c.Username, "err", err)
	}
}

func (a *App) settlePenalty(ctx context.Context, c store.AppChannel, p store.AppPenalty) (err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	over := !p.Until.IsZero() && !p.Until.After(a.Now())
	switch order := a.order(ctx); {
	case over:
	case order != nil && p.Lifted:
		err = order.EndPenalty(ctx, c.RoomARN, p.Kind, p.UserID)
	case order != nil:
		err = order.Penalize(ctx, c.RoomARN, p)
	case !p.Lifted || p.Kind == store.ChatTimeOut: // only another token changes what somebody may do
		err = a.expel(ctx, c, p.UserID, p.Reason)
	}
	if err != nil {
		return err
	}
	return a.rows.SettlePenalty(ctx, p)
}

// settleChat tells the service what it could not be told before.
func (a *App) settleChat(ctx context.Context) error {
	owed, err := a.rows.OwedPenalties(ctx, maxOwedChat)
	if err != nil {
		return err
	}
	var failed []error
	for _, p := range owed {
		c, err := a.rows.Channel(ctx, p.Owner)
		if err == nil {
			err = a.settlePenalty(ctx, c, p)
		}
		failed = append(failed, err)
	}
	owners, err := a.rows.OwedModes(ctx, maxOwedChat)
	failed = append(failed, err)
	for _, owner := range owners {
		c, err := a.rows.Channel(ctx, owner)
		if err == nil {
			err = a.settleModes(ctx, c)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
