package ugc

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/ivschat"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// ChatModes are rules for all who write in a chat but owner and moderators.
type ChatModes struct {
	SlowMode      int  `json:"slowMode"` // seconds between two messages of one person; 0: off
	FollowersOnly bool `json:"followersOnly"`
	NoGuests      bool `json:"noGuests"`
}

// ChatModesChange says what to change; nil leaves alone.
type ChatModesChange struct {
	SlowMode      *int  `json:"slowMode"`
	FollowersOnly *bool `json:"followersOnly"`
	NoGuests      *bool `json:"noGuests"`
}

// PinnedMessage is a message that stays in view.
type PinnedMessage struct {
	MessageID string    `json:"messageId"`
	Content   string    `json:"content"`
	UserID    string    `json:"userId"` // of its sender
	Name      string    `json:"name"`
	By        string    `json:"by"` // name of who pinned it
	PinnedAt  time.Time `json:"pinnedAt"`
}

// ChatState is what everybody may know of a chat.
type ChatState struct {
	ChatModes
	Available ChatAvailable  `json:"available"`
	Pinned    *PinnedMessage `json:"pinned"` // null: nothing is pinned
	Role      ChatRole       `json:"role"`   // of who asks
}

// ChatAvailable says which modes the streaming service and this app can keep.
type ChatAvailable struct {
	SlowMode      bool `json:"slowMode"`
	FollowersOnly bool `json:"followersOnly"` // false: nobody follows anybody here yet
	NoGuests      bool `json:"noGuests"`
}

const (
	maxSlowMode = 300
	maxPinned   = 500 // characters

	pinEvent   = "streamcat:PIN_MESSAGE"
	unpinEvent = "streamcat:UNPIN_MESSAGE"
)

var messageIDs = regexp.MustCompile(`^[0-9A-Za-z]{12}$`)

// ChatState gives what somebody may know of a channel's chat.
func (a *App) ChatState(ctx context.Context, username string, who Chatter) (ChatState, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return ChatState{}, err
	}
	out := ChatState{Available: a.available(ctx)}
	if out.Role, err = a.roleOf(ctx, c, who); err != nil {
		return ChatState{}, err
	}
	rules, err := a.rows.ChatRules(ctx, c.UserID)
	if err != nil {
		return ChatState{}, err
	}
	if out.ChatModes, err = parsed[ChatModes](rules.Modes); err == nil && rules.Pinned != "" {
		out.Pinned = new(PinnedMessage)
		*out.Pinned, err = parsed[PinnedMessage](rules.Pinned)
	}
	return out, err
}

func (a *App) available(ctx context.Context) ChatAvailable {
	return ChatAvailable{SlowMode: a.order(ctx) != nil, NoGuests: true}
}

// parsed reads a JSON document of the database; an empty one is the zero value.
func parsed[T any](doc string) (v T, err error) {
	if doc != "" {
		err = json.Unmarshal([]byte(doc), &v)
	}
	return v, err
}

func (a *App) modes(ctx context.Context, owner string) (ChatModes, error) {
	rules, err := a.rows.ChatRules(ctx, owner)
	if err != nil {
		return ChatModes{}, err
	}
	return parsed[ChatModes](rules.Modes)
}

// changed is what the log keeps of modes.
type changed struct {
	Before ChatModes `json:"before"`
	After  ChatModes `json:"after"`
}

// SetChatModes changes a chat's modes and gives them as they are then.
func (a *App) SetChatModes(ctx context.Context, username string, actor User, ch ChatModesChange) (ChatModes, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return ChatModes{}, err
	}
	can := a.available(ctx)
	switch {
	case ch.SlowMode != nil && (*ch.SlowMode < 0 || *ch.SlowMode > maxSlowMode):
		return ChatModes{}, invalid("slowMode", "Slow mode is from 0 to 300 seconds.")
	case ch.SlowMode != nil && *ch.SlowMode > 0 && !can.SlowMode, ch.FollowersOnly != nil && *ch.FollowersOnly && !can.FollowersOnly:
		return ChatModes{}, &Coded{"not-available", fault.InConflict("this chat cannot do that")}
	}
	return a.changeModes(ctx, b, func(m *ChatModes) error {
		if ch.SlowMode != nil {
			m.SlowMode = *ch.SlowMode
		}
		if ch.FollowersOnly != nil {
			m.FollowersOnly = *ch.FollowersOnly
		}
		if ch.NoGuests != nil {
			m.NoGuests = *ch.NoGuests
		}
		return nil
	})
}

func (a *App) changeModes(ctx context.Context, b bench, change func(*ChatModes) error) (now ChatModes, err error) {
	err = a.rows.Tx(ctx, func(ctx context.Context) error {
		was, err := a.modes(ctx, b.c.UserID)
		if err != nil {
			return err
		}
		now = was
		if err := change(&now); err != nil || now == was {
			return err
		}
		doc, err := json.Marshal(now)
		if err != nil {
			return err
		}
		return first(a.rows.PutChatModes(ctx, b.c.UserID, string(doc)), a.log(ctx, b, deed{action: "modes", detail: changed{was, now}}))
	})
	if err != nil {
		return ChatModes{}, err
	}
	if err := a.settleModes(context.WithoutCancel(ctx), b.c); err != nil {
		a.Log.WarnContext(ctx, "the streaming service could not be told of a chat's modes; it is tried again", "channel", b.c.Username, "err", err)
	}
	return now, nil
}

// settleModes tells the service of a chat's modes; where it keeps no order, tokens do.
func (a *App) settleModes(ctx context.Context, c store.AppChannel) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	rules, err := a.rows.ChatRules(ctx, c.UserID)
	if err != nil {
		return err
	}
	modes, err := parsed[ChatModes](rules.Modes)
	if err != nil {
		return err
	}
	if order := a.order(ctx); order != nil {
		if err := order.SetChatModes(ctx, c.RoomARN, modes); err != nil {
			return err
		}
	}
	return a.rows.SettleModes(ctx, c.UserID, rules.Modes)
}

// Pin puts a message in view. What it says is the word of who pins it: rooms need not keep messages.
func (a *App) Pin(ctx context.Context, username string, actor User, p PinnedMessage) (PinnedMessage, error) {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return p, err
	}
	p.Content = strings.TrimSpace(p.Content)
	switch n := utf8.RuneCountInString(p.Content); {
	case !messageIDs.MatchString(p.MessageID):
		return p, fault.InvalidInput("say which message to pin")
	case n == 0 || n > maxPinned || !isText(p.Content):
		return p, fault.InvalidInput("a pinned message has 1 to %d characters", maxPinned)
	}
	who, err := a.invitee(ctx, p.UserID, p.Name)
	if err != nil {
		return p, err
	}
	p.UserID, p.Name, p.By, p.PinnedAt = who.UserID, who.Name, actor.Username, a.stamp()
	doc, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	if order := a.order(ctx); order != nil {
		err = order.Pin(ctx, b.c.RoomARN, p)
	} else {
		// An event carries 1 KiB at Amazon: clients ask for the rest.
		err = a.sendEvent(ctx, b.c, pinEvent, map[string]string{"MessageId": p.MessageID, "UserId": p.UserID})
	}
	if err != nil {
		return p, err
	}
	ctx = context.WithoutCancel(ctx)
	return p, a.rows.Tx(ctx, func(ctx context.Context) error {
		return first(a.rows.PutChatPinned(ctx, b.c.UserID, string(doc)),
			a.log(ctx, b, deed{"pin", p.UserID, p.Name, map[string]string{"messageId": p.MessageID, "content": p.Content}}))
	})
}

// Unpin takes the pinned message away; NotFound if there is none.
func (a *App) Unpin(ctx context.Context, username string, actor User) error {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return err
	}
	return a.unpin(ctx, b, "")
}

// unpin takes the pinned message away, if it is that one or none is named.
func (a *App) unpin(ctx context.Context, b bench, messageID string) error {
	rules, err := a.rows.ChatRules(ctx, b.c.UserID)
	if err != nil {
		return err
	}
	p, err := parsed[PinnedMessage](rules.Pinned)
	if err == nil && (rules.Pinned == "" || messageID != "" && p.MessageID != messageID) {
		err = fault.Missing("the message is not pinned")
	}
	if err != nil {
		return err
	}
	if order := a.order(ctx); order != nil {
		err = order.Unpin(ctx, b.c.RoomARN)
	} else {
		err = a.sendEvent(ctx, b.c, unpinEvent, map[string]string{"MessageId": p.MessageID})
	}
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return a.rows.Tx(ctx, func(ctx context.Context) error {
		return first(a.rows.PutChatPinned(ctx, b.c.UserID, ""),
			a.log(ctx, b, deed{"unpin", p.UserID, p.Name, map[string]string{"messageId": p.MessageID, "content": p.Content}}))
	})
}

// Deleted is a message that a moderator takes out of the chat. Who wrote it and what it said are for the log alone.
type Deleted struct {
	MessageID string `json:"messageId"`
	UserID    string `json:"userId"`
	Name      string `json:"name"`
	Content   string `json:"content"`
	Reason    string `json:"reason"`
}

// DeleteMessage tells everybody in a chat to remove a message, and writes down who did.
func (a *App) DeleteMessage(ctx context.Context, username string, actor User, d Deleted) error {
	b, err := a.judge(ctx, username, actor)
	if err != nil {
		return err
	}
	switch {
	case !messageIDs.MatchString(d.MessageID):
		return fault.InvalidInput("say which message to delete")
	case utf8.RuneCountInString(d.Content) > maxPinned || utf8.RuneCountInString(d.Reason) > maxChatReason || len(d.UserID) > 512 || len(d.Name) > 512 ||
		!isText(d.Content) || !isText(d.Reason) || !isText(d.UserID) || !isText(d.Name):
		return fault.InvalidInput("what is said of the message is too long")
	}
	in := &ivschat.DeleteMessageInput{RoomIdentifier: &b.c.RoomARN, Id: &d.MessageID}
	if d.Reason != "" {
		in.Reason = &d.Reason
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := a.Rooms.DeleteMessage(call, in); err != nil {
		return asked("deleting the message", err)
	}
	ctx = context.WithoutCancel(ctx)
	err = a.log(ctx, b, deed{"delete", d.UserID, d.Name, map[string]string{"messageId": d.MessageID, "content": d.Content, "reason": d.Reason}})
	if unpinned := a.unpin(ctx, b, d.MessageID); fault.Of(unpinned) != fault.NotFound {
		err = first(err, unpinned)
	}
	return err
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
