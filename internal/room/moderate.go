package room

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Events of moderation. Everybody in the room hears them; programs that do not know them let them pass.
const (
	eventBan        = "streamcat:BAN_USER"
	eventUnban      = "streamcat:UNBAN_USER"
	eventTimeOut    = "streamcat:TIME_OUT_USER"
	eventEndTimeOut = "streamcat:END_TIME_OUT"
	eventModes      = "streamcat:CHAT_MODES"
	eventPin        = "streamcat:PIN_MESSAGE"
	eventUnpin      = "streamcat:UNPIN_MESSAGE"
)

// What a room can hold.
const (
	MaxBans     = 5000
	MaxTimeOuts = 1000
	MaxTimeOut  = 14 * 24 * time.Hour // the longest one

	maxPinnedAttributes = 1 << 10 // bytes of names and values
)

// Pinned is a message that stays in view. Rooms keep no messages, so whoever pins one says what it was.
type Pinned struct {
	MessageID  string            `json:"messageId"`
	Content    string            `json:"content"`
	UserID     string            `json:"userId"`     // of its sender
	Attributes map[string]string `json:"attributes"` // of its sender; may be nil
	SendTime   time.Time         `json:"sendTime"`   // zero: not known
	Pinned     time.Time         `json:"pinned"`
}

func parsePinned(doc string) (*Pinned, error) {
	if doc == "" {
		return nil, nil
	}
	p, err := parsed[Pinned](doc)
	return &p, err
}

// Moderation is what holds in a room besides what IVS knows of. Penalties are listed apart.
type Moderation struct {
	Modes  Modes
	Pinned *Pinned // nil: there is none
}

// Moderation reads what holds in a room.
func (m *Manager) Moderation(ctx context.Context, roomARN string) (Moderation, error) {
	if _, err := m.directory.Room(ctx, roomARN); err != nil {
		return Moderation{}, err
	}
	row, err := m.db.ChatRules(ctx, roomARN)
	if err != nil {
		return Moderation{}, err
	}
	modes, err := parseModes(row.Modes)
	if err != nil {
		return Moderation{}, err
	}
	pinned, err := parsePinned(row.Pinned)
	return Moderation{modes, pinned}, err
}

// Penalties gives a page of the room's bans or time-outs that are in force, newest first.
func (m *Manager) Penalties(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, limit int, after *store.Cursor) ([]store.ChatPenalty, *store.Cursor, error) {
	if _, err := m.directory.Room(ctx, roomARN); err != nil {
		return nil, nil, err
	}
	return m.db.ListChatPenalties(ctx, roomARN, kind, m.now(), limit, after)
}

// Penalty gives a user's ban or time-out, and says whether there is one in force.
func (m *Manager) Penalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) (store.ChatPenalty, bool, error) {
	if _, err := m.directory.Room(ctx, roomARN); err != nil {
		return store.ChatPenalty{}, false, err
	}
	return m.db.ChatPenalty(ctx, roomARN, kind, userID, m.now())
}

func noPenalty(kind store.ChatPenaltyKind) error {
	return fault.Missing("the user has no %s in this room", kind)
}

// Ban keeps a user out of a room until a time, or for ever if it is zero: all connections of that user end, on all
// nodes, and the chat door refuses new ones. A former ban is replaced. The time is not judged here but in the past.
func (m *Manager) Ban(ctx context.Context, roomARN, userID, reason string, until time.Time) (store.ChatPenalty, error) {
	p, spec, err := m.penalize(ctx, store.ChatPenalty{Room: roomARN, Kind: store.ChatBan, UserID: userID, Reason: reason, Until: until}, MaxBans)
	if err != nil {
		return p, err
	}
	if err := m.moderated(ctx, spec, noteEvent, "", eventBan, penaltyTold(p)); err != nil {
		return p, err
	}
	return p, m.moderated(ctx, spec, noteDisconnect, userID, eventDisconnect, disconnected(userID, reason))
}

// TimeOut lets a user read but not write until a time, at most MaxTimeOut from now. A former one is replaced.
func (m *Manager) TimeOut(ctx context.Context, roomARN, userID, reason string, until time.Time) (store.ChatPenalty, error) {
	if until.IsZero() || until.After(m.now().Add(MaxTimeOut)) {
		return store.ChatPenalty{}, fault.InvalidInput("a time-out is at most %d seconds", int(MaxTimeOut/time.Second))
	}
	p, spec, err := m.penalize(ctx, store.ChatPenalty{Room: roomARN, Kind: store.ChatTimeOut, UserID: userID, Reason: reason, Until: until}, MaxTimeOuts)
	if err != nil {
		return p, err
	}
	return p, m.moderated(ctx, spec, noteEvent, "", eventTimeOut, penaltyTold(p))
}

// penalize writes a penalty and puts it in force.
func (m *Manager) penalize(ctx context.Context, p store.ChatPenalty, limit int) (store.ChatPenalty, Spec, error) {
	now := m.now().UTC().Truncate(time.Microsecond)
	switch {
	case p.UserID == "" || over(p.UserID, maxUserID) || !isText(p.UserID):
		return p, Spec{}, fault.InvalidInput("userId must have 1 to %d characters", maxUserID)
	case over(p.Reason, maxReason) || !isText(p.Reason):
		return p, Spec{}, fault.InvalidInput("reason must have at most %d characters", maxReason)
	case !p.Until.IsZero() && !p.Until.After(now):
		return p, Spec{}, fault.InvalidInput("the end must be in the future")
	}
	spec, err := m.directory.Room(ctx, p.Room)
	if err != nil {
		return p, spec, err
	}
	p.Made = now
	if !p.Until.IsZero() {
		p.Until = p.Until.UTC().Truncate(time.Microsecond)
	}
	if err := m.db.PutChatPenalty(ctx, p, now, limit); err != nil {
		return p, spec, err
	}
	return p, spec, m.rulesChanged(ctx, p.Room, spec.ID)
}

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// penaltyTold gives the attributes of the event that tells of a penalty.
func penaltyTold(p store.ChatPenalty) attributes {
	a := attributes{"UserId": p.UserID, "Reason": p.Reason, "Until": ""}
	if !p.Until.IsZero() {
		a["Until"] = p.Until.Format(time.RFC3339)
		a["Seconds"] = strconv.Itoa(secondsUp(p.Until.Sub(p.Made)))
	}
	return a
}

// EndPenalty lifts a user's ban or time-out; NotFound if there is none in force.
func (m *Manager) EndPenalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) error {
	spec, err := m.directory.Room(ctx, roomARN)
	if err != nil {
		return err
	}
	was, err := m.db.EndChatPenalty(ctx, roomARN, kind, userID, m.now())
	if err == nil && !was {
		err = noPenalty(kind)
	}
	if err != nil {
		return err
	}
	if err := m.rulesChanged(ctx, roomARN, spec.ID); err != nil {
		return err
	}
	name := eventEndTimeOut
	if kind == store.ChatBan {
		name = eventUnban
	}
	return m.moderated(ctx, spec, noteEvent, "", name, attributes{"UserId": userID})
}

// ChangeModes changes the modes of a room and gives them as they are then. change is handed the present ones and may be
// called more than once.
func (m *Manager) ChangeModes(ctx context.Context, roomARN string, change func(*Modes)) (Modes, error) {
	spec, err := m.directory.Room(ctx, roomARN)
	if err != nil {
		return Modes{}, err
	}
	var modes Modes
	err = m.db.ChangeChatModes(ctx, roomARN, func(was string) (string, error) {
		if modes, err = parseModes(was); err != nil {
			return "", err
		}
		change(&modes)
		if err := modes.check(); err != nil {
			return "", err
		}
		doc, err := json.Marshal(modes)
		return string(doc), err
	})
	if err != nil {
		return Modes{}, err
	}
	if err := m.rulesChanged(ctx, roomARN, spec.ID); err != nil {
		return Modes{}, err
	}
	return modes, m.moderated(ctx, spec, noteEvent, "", eventModes, attributes{
		"SlowMode":      strconv.Itoa(int(modes.Slow / time.Second)),
		"FollowersOnly": strconv.FormatBool(modes.FollowersOnly), "NoGuests": strconv.FormatBool(modes.NoGuests),
	})
}

// Pin puts a message in view, in place of any other.
func (m *Manager) Pin(ctx context.Context, roomARN string, p Pinned) (Pinned, error) {
	spec, err := m.directory.Room(ctx, roomARN)
	if err != nil {
		return p, err
	}
	switch spec = spec.withDefaults(); {
	case !isMessageID(p.MessageID):
		return p, fault.InvalidInput("messageId is not the id of a message")
	case p.Content == "" || over(p.Content, spec.MaxLength) || !isText(p.Content):
		return p, fault.InvalidInput("content must have 1 to %d characters", spec.MaxLength)
	case p.UserID == "" || over(p.UserID, maxUserID) || !isText(p.UserID):
		return p, fault.InvalidInput("userId must have 1 to %d characters", maxUserID)
	case attributes(p.Attributes).size() > maxPinnedAttributes:
		return p, fault.InvalidInput("attributes are larger than %d bytes", maxPinnedAttributes)
	}
	p.Pinned = m.now().UTC().Truncate(time.Microsecond)
	doc, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	if err := m.db.PinChatMessage(ctx, roomARN, p.MessageID, string(doc)); err != nil {
		return p, err
	}
	if err := m.rulesChanged(ctx, roomARN, spec.ID); err != nil {
		return p, err
	}
	return p, m.moderated(ctx, spec, noteEvent, "", eventPin, pinnedTold(p))
}

// pinnedTold gives the attributes of the event that tells of a pinned message.
func pinnedTold(p Pinned) attributes {
	a := attributes{"MessageId": p.MessageID, "Content": p.Content, "UserId": p.UserID}
	if !p.SendTime.IsZero() {
		a["SendTime"] = p.SendTime.UTC().Format(time.RFC3339Nano)
	}
	for name, value := range p.Attributes {
		a["Sender."+name] = value
	}
	return a
}

// Unpin takes the pinned message of a room away; NotFound if there is none.
func (m *Manager) Unpin(ctx context.Context, roomARN string) error {
	spec, err := m.directory.Room(ctx, roomARN)
	if err != nil {
		return err
	}
	was, err := m.unpin(ctx, spec, "")
	if err == nil && !was {
		err = fault.Missing("no message is pinned in this room")
	}
	return err
}

// unpin takes the pinned message away, if it has that id or the id is empty, and says whether it did.
func (m *Manager) unpin(ctx context.Context, spec Spec, messageID string) (bool, error) {
	was, err := m.db.UnpinChatMessage(ctx, spec.ARN, messageID)
	if err != nil || was == "" {
		return false, err
	}
	if err := m.rulesChanged(ctx, spec.ARN, spec.ID); err != nil {
		return true, err
	}
	return true, m.moderated(ctx, spec, noteEvent, "", eventUnpin, attributes{"MessageId": was})
}

// unpinDeleted takes the pinned message away if it is the one that was deleted.
func (m *Manager) unpinDeleted(ctx context.Context, roomARN, messageID string) error {
	row, err := m.db.ChatRules(ctx, roomARN)
	if err != nil {
		return err
	}
	pinned, err := parsePinned(row.Pinned)
	if err != nil || pinned == nil || pinned.MessageID != messageID {
		return err
	}
	_, err = m.unpin(ctx, Spec{ARN: roomARN, ID: arn.ID(roomARN)}, messageID)
	return err
}

// moderated announces an event that nobody in the room asked for.
func (m *Manager) moderated(ctx context.Context, spec Spec, kind noteKind, about, name string, attrs attributes) error {
	if _, err := m.cause(ctx, spec.ARN, kind, about, name, attrs); err != nil {
		return fmt.Errorf("tell of moderation: %w", err)
	}
	return nil
}
