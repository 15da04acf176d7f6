package ugc

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ChatRole is what somebody is in the chat of a channel.
type ChatRole string

// The roles in a chat, as tokens carry them in the attribute "role".
const (
	ChatOwner     ChatRole = "owner"
	ChatModerator ChatRole = "moderator"
	ChatViewer    ChatRole = "viewer"
	ChatGuest     ChatRole = "guest"
)

func (r ChatRole) moderates() bool { return r == ChatOwner || r == ChatModerator }

const maxModerators = 100

// roleOf says what somebody is in a channel's chat.
func (a *App) roleOf(ctx context.Context, c store.AppChannel, who Chatter) (ChatRole, error) {
	switch {
	case who.Guest:
		return ChatGuest, nil
	case who.UserID == c.UserID:
		return ChatOwner, nil
	}
	is, err := a.rows.IsModerator(ctx, c.UserID, who.UserID)
	if is {
		return ChatModerator, err
	}
	return ChatViewer, err
}

// mayChat gives the capabilities of a token. Where the service itself keeps order, it judges messages; elsewhere the
// token is all there is.
func (a *App) mayChat(ctx context.Context, c store.AppChannel, who Chatter, role ChatRole) ([]chattypes.ChatTokenCapability, error) {
	if role.moderates() {
		return []chattypes.ChatTokenCapability{
			chattypes.ChatTokenCapabilitySendMessage, chattypes.ChatTokenCapabilityDeleteMessage, chattypes.ChatTokenCapabilityDisconnectUser,
		}, nil
	}
	if a.order(ctx) == nil {
		_, out, err := a.rows.Penalty(ctx, c.UserID, store.ChatTimeOut, who.UserID, a.Now())
		if err != nil {
			return nil, err
		}
		modes, err := a.modes(ctx, c.UserID)
		if err != nil {
			return nil, err
		}
		if out || modes.NoGuests && role == ChatGuest || modes.FollowersOnly {
			return nil, nil
		}
	}
	return []chattypes.ChatTokenCapability{chattypes.ChatTokenCapabilitySendMessage}, nil
}

// bench is a channel's chat and somebody who keeps order in it.
type bench struct {
	c     store.AppChannel
	actor User
	role  ChatRole // owner or moderator
}

// judge finds the channel and says what the actor is there; Denied for who keeps no order in it.
func (a *App) judge(ctx context.Context, username string, actor User) (bench, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return bench{}, err
	}
	role, err := a.roleOf(ctx, c, Chatter{UserID: actor.ID})
	if err == nil && !role.moderates() {
		err = fault.AccessDenied("only the channel's owner and moderators may do this")
	}
	return bench{c, actor, role}, err
}

// against says whether the actor may do something against somebody: never against the owner, moderators not against
// each other, and nobody against themselves.
func (a *App) against(ctx context.Context, b bench, userID string) error {
	switch {
	case userID == b.actor.ID:
		return fault.InvalidInput("you cannot do this to yourself")
	case userID == b.c.UserID:
		return fault.AccessDenied("nobody can do this to the channel's owner")
	case b.role == ChatOwner:
		return nil
	}
	is, err := a.rows.IsModerator(ctx, b.c.UserID, userID)
	if is {
		return fault.AccessDenied("moderators cannot do this to each other")
	}
	return err
}

// Moderator is somebody who keeps order in a chat.
type Moderator struct {
	UserID   string    `json:"userId"`
	Username string    `json:"username"`
	AddedAt  time.Time `json:"addedAt"`
}

// Moderators lists those of a channel, for its owner and for them.
func (a *App) Moderators(ctx context.Context, username string, actor User) ([]Moderator, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return nil, err
	}
	found, err := a.rows.Moderators(ctx, b.c.UserID)
	out := make([]Moderator, 0, len(found))
	for _, m := range found {
		out = append(out, Moderator{m.UserID, m.Username, m.Added})
	}
	return out, err
}

// AddModerator lets somebody with an account keep order. They are one as soon as they fetch another chat token.
func (a *App) AddModerator(ctx context.Context, username string, actor User, name string) (Moderator, error) {
	b, u, err := a.moderatorNamed(ctx, username, actor, name)
	if err != nil {
		return Moderator{}, err
	}
	if _, banned, err := a.rows.Penalty(ctx, b.c.UserID, store.ChatBan, u.ID, a.Now()); err != nil || banned {
		if banned {
			err = &Coded{"banned", fault.InConflict("%s is banned here: lift the ban first", u.Username)}
		}
		return Moderator{}, err
	}
	now := a.stamp()
	added, err := a.rows.AddModerator(ctx, b.c.UserID, u.ID, now, maxModerators)
	if err == nil && added {
		err = a.log(ctx, b, deed{action: "add-moderator", target: u.ID, name: u.Username})
	}
	return Moderator{u.ID, u.Username, now}, err
}

// RemoveModerator takes that back. Their connections end, so that they come back as who they are now.
func (a *App) RemoveModerator(ctx context.Context, username string, actor User, name string) error {
	b, u, err := a.moderatorNamed(ctx, username, actor, name)
	if err != nil {
		return err
	}
	was, err := a.rows.RemoveModerator(ctx, b.c.UserID, u.ID)
	if err == nil && !was {
		err = fault.Missing("%s is no moderator here", u.Username)
	}
	if err != nil {
		return err
	}
	return first(a.log(ctx, b, deed{action: "remove-moderator", target: u.ID, name: u.Username}), a.expel(ctx, b.c, u.ID, "no longer a moderator"))
}

func (a *App) moderatorNamed(ctx context.Context, username string, actor User, name string) (bench, User, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return b, User{}, err
	}
	if b.role != ChatOwner {
		return b, User{}, fault.AccessDenied("only the channel's owner may do this")
	}
	row, err := a.rows.UserByName(ctx, nameKey(name))
	if err != nil {
		return b, User{}, err
	}
	u, err := a.User(ctx, row.ID)
	if err == nil && u.ID == b.c.UserID {
		err = fault.InvalidInput("the channel is yours")
	}
	return b, u, err
}

// expel ends somebody's connections to a channel's room.
func (a *App) expel(ctx context.Context, c store.AppChannel, userID, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	in := &ivschat.DisconnectUserInput{RoomIdentifier: &c.RoomARN, UserId: &userID}
	if reason != "" {
		in.Reason = &reason
	}
	_, err := a.Rooms.DisconnectUser(ctx, in)
	return asked("disconnecting somebody", err)
}

// order gives what keeps order on the service's side; nil where it does not.
func (a *App) order(ctx context.Context) ChatOrder {
	o, ok := a.Engine.(ChatOrder)
	if !ok || !a.has(ctx, "chat-bans") {
		return nil
	}
	return o
}

// stamp is the time as the database keeps it.
func (a *App) stamp() time.Time { return a.Now().UTC().Truncate(time.Microsecond) }

// deed is what goes into the log.
type deed struct {
	action, target, name string
	detail               any // an object
}

func (a *App) log(ctx context.Context, b bench, d deed) error {
	if d.detail == nil {
		d.detail = struct{}{}
	}
	detail, err := json.Marshal(d.detail)
	if err != nil {
		return err
	}
	return a.rows.LogChatDeed(ctx, store.AppChatDeed{
		ID: arn.NewID(16), Owner: b.c.UserID, At: a.stamp(), Actor: b.actor.ID, ActorName: b.actor.Username,
		Action: d.action, Target: d.target, TargetName: d.name, Detail: string(detail),
	})
}

// first gives the first error of calls that are all made.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
