package plus

import (
	"context"
	"net/http"
	"time"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
)

// Rooms keeps order in chat rooms; *room.Manager does. A room that does not exist is a NotFound fault everywhere.
type Rooms interface {
	Moderation(ctx context.Context, roomARN string) (room.Moderation, error)
	ChangeModes(ctx context.Context, roomARN string, change func(*room.Modes)) (room.Modes, error)
	Pin(ctx context.Context, roomARN string, p room.Pinned) (room.Pinned, error)
	Unpin(ctx context.Context, roomARN string) error

	Ban(ctx context.Context, roomARN, userID, reason string, until time.Time) (store.ChatPenalty, error)
	TimeOut(ctx context.Context, roomARN, userID, reason string, until time.Time) (store.ChatPenalty, error)
	EndPenalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) error
	Penalty(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, userID string) (p store.ChatPenalty, ok bool, err error)
	Penalties(ctx context.Context, roomARN string, kind store.ChatPenaltyKind, limit int, after *store.Cursor) ([]store.ChatPenalty, *store.Cursor, error)
}

func (s *Service) handleRooms() {
	one := s.roomARN
	s.handle(operation{"GetRoomModeration", "GET rooms/{id}/moderation", http.StatusOK, nil, one, s.getRoomModeration})
	s.handle(operation{"UpdateRoomModes", "PATCH rooms/{id}/modes", http.StatusOK, nil, one, s.updateRoomModes})
	s.handle(operation{"PinMessage", "PUT rooms/{id}/pinned", http.StatusOK, nil, one, s.pinMessage})
	s.handle(operation{"UnpinMessage", "DELETE rooms/{id}/pinned", http.StatusNoContent, nil, one, func(v *visit) (any, error) {
		return nil, s.d.Rooms.Unpin(v.Context(), s.roomARN(v))
	}})
	for _, k := range []struct {
		put, end, list, path string
		kind                 store.ChatPenaltyKind
	}{
		{"BanUser", "UnbanUser", "ListBans", "bans", store.ChatBan},
		{"TimeOutUser", "EndTimeOut", "ListTimeOuts", "time-outs", store.ChatTimeOut},
	} {
		s.handle(operation{k.put, "POST rooms/{id}/" + k.path, http.StatusOK, nil, one, func(v *visit) (any, error) { return s.penalize(v, k.kind) }})
		s.handle(operation{k.end, "DELETE rooms/{id}/" + k.path, http.StatusNoContent, []string{"userId"}, one, func(v *visit) (any, error) {
			user, err := v.userID()
			if err != nil {
				return nil, err
			}
			return nil, s.d.Rooms.EndPenalty(v.Context(), s.roomARN(v), k.kind, user)
		}})
		s.handle(operation{k.list, "GET rooms/{id}/" + k.path, http.StatusOK, []string{"userId", "maxResults", "nextToken"}, one, func(v *visit) (any, error) {
			return s.listPenalties(v, k.list, k.kind)
		}})
	}
}

// roomARN names the room of the path.
func (s *Service) roomARN(v *visit) string {
	return "arn:aws:ivschat:" + s.d.Minter.Region + ":" + s.d.Minter.Account + ":room/" + v.PathValue("id")
}

// userID reads whom a request is about: from the query, since an id may have any characters.
func (v *visit) userID() (string, error) {
	if user := v.param("userId"); user != "" {
		return user, nil
	}
	return "", fault.InvalidInput("userId is required")
}

// roomModes are a room's modes in an answer.
type roomModes struct {
	SlowMode          int    `json:"slowMode"` // seconds; 0: off
	FollowersOnly     bool   `json:"followersOnly"`
	FollowerAttribute string `json:"followerAttribute"`
	NoGuests          bool   `json:"noGuests"`
	GuestAttribute    string `json:"guestAttribute"`
}

func modesOf(m room.Modes) roomModes {
	return roomModes{int(m.Slow / time.Second), m.FollowersOnly, m.Follower, m.NoGuests, m.Guest}
}

// pinned is the message that stays in view.
type pinned struct {
	MessageID  string            `json:"messageId"`
	Content    string            `json:"content"`
	UserID     string            `json:"userId"`
	Attributes map[string]string `json:"attributes"`
	SendTime   *time.Time        `json:"sendTime,omitempty"`
	Pinned     time.Time         `json:"pinned"`
}

func pinnedOf(p room.Pinned) *pinned {
	if p.Attributes == nil {
		p.Attributes = map[string]string{}
	}
	return &pinned{p.MessageID, p.Content, p.UserID, p.Attributes, stamp(p.SendTime), p.Pinned}
}

func (s *Service) getRoomModeration(v *visit) (any, error) {
	m, err := s.d.Rooms.Moderation(v.Context(), s.roomARN(v))
	if err != nil {
		return nil, err
	}
	out := struct {
		roomModes
		Pinned *pinned `json:"pinned"` // null: there is none
	}{roomModes: modesOf(m.Modes)}
	if m.Pinned != nil {
		out.Pinned = pinnedOf(*m.Pinned)
	}
	return out, nil
}

func (s *Service) updateRoomModes(v *visit) (any, error) {
	var in struct {
		SlowMode          *int    `json:"slowMode"`
		FollowersOnly     *bool   `json:"followersOnly"`
		FollowerAttribute *string `json:"followerAttribute"`
		NoGuests          *bool   `json:"noGuests"`
		GuestAttribute    *string `json:"guestAttribute"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	most := int(room.MaxSlow / time.Second)
	if in.SlowMode != nil && (*in.SlowMode < 0 || *in.SlowMode > most) {
		return nil, fault.InvalidInput("slowMode must be a whole number of seconds from 0 to %d", most)
	}
	modes, err := s.d.Rooms.ChangeModes(v.Context(), s.roomARN(v), func(m *room.Modes) {
		if in.SlowMode != nil {
			m.Slow = time.Duration(*in.SlowMode) * time.Second
		}
		replace(&m.FollowersOnly, in.FollowersOnly)
		replace(&m.Follower, in.FollowerAttribute)
		replace(&m.NoGuests, in.NoGuests)
		replace(&m.Guest, in.GuestAttribute)
	})
	return modesOf(modes), err
}

// replace sets what by is not nil for.
func replace[T any](v, by *T) {
	if by != nil {
		*v = *by
	}
}

func (s *Service) pinMessage(v *visit) (any, error) {
	var in struct {
		MessageID  string            `json:"messageId"`
		Content    string            `json:"content"`
		UserID     string            `json:"userId"`
		Attributes map[string]string `json:"attributes"`
		SendTime   string            `json:"sendTime"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	sent, err := moment("sendTime", in.SendTime)
	if err != nil {
		return nil, err
	}
	p, err := s.d.Rooms.Pin(v.Context(), s.roomARN(v), room.Pinned{
		MessageID: in.MessageID, Content: in.Content, UserID: in.UserID, Attributes: in.Attributes, SendTime: sent,
	})
	return pinnedOf(p), err
}

// penalty is a ban or a time-out in an answer.
type penalty struct {
	UserID string     `json:"userId"`
	Reason string     `json:"reason"`
	Made   time.Time  `json:"made"`
	Until  *time.Time `json:"until,omitempty"` // absent: for ever
}

func penaltyOf(p store.ChatPenalty) penalty {
	return penalty{p.UserID, p.Reason, p.Made.UTC(), stamp(p.Until)}
}

const longestPenalty = 100 * 365 * 24 * time.Hour // what a number of seconds may say; longer is for ever

// penalize bans a user or times them out: until a time, or for a number of seconds.
func (s *Service) penalize(v *visit, kind store.ChatPenaltyKind) (any, error) {
	var in struct {
		UserID  string `json:"userId"`
		Reason  string `json:"reason"`
		Seconds *int64 `json:"seconds"`
		Until   string `json:"until"`
	}
	if err := v.decode(&in); err != nil {
		return nil, err
	}
	until, err := moment("until", in.Until)
	most := int64(longestPenalty / time.Second)
	switch {
	case err != nil:
		return nil, err
	case in.Seconds != nil && in.Until != "":
		return nil, fault.InvalidInput("there may be seconds or until, not both")
	case in.Seconds != nil && (*in.Seconds < 1 || *in.Seconds > most):
		return nil, fault.InvalidInput("seconds must be from 1 to %d", most)
	case in.Seconds != nil:
		until = time.Now().Add(time.Duration(*in.Seconds) * time.Second)
	case kind == store.ChatTimeOut && in.Until == "":
		return nil, fault.InvalidInput("seconds or until is required")
	}
	put := s.d.Rooms.Ban
	if kind == store.ChatTimeOut {
		put = s.d.Rooms.TimeOut
	}
	p, err := put(v.Context(), s.roomARN(v), in.UserID, in.Reason, until)
	return penaltyOf(p), err
}

func (s *Service) listPenalties(v *visit, name string, kind store.ChatPenaltyKind) (any, error) {
	limit, err := v.pageSize()
	if err != nil {
		return nil, err
	}
	about, user := s.roomARN(v), v.param("userId")
	listing := []string{name, about, user}
	after, err := api.Page[store.Cursor](v.nextToken(), listing...)
	if err != nil {
		return nil, err
	}
	var found []store.ChatPenalty
	var next *store.Cursor
	if user == "" {
		found, next, err = s.d.Rooms.Penalties(v.Context(), about, kind, limit, after)
	} else {
		p, ok, e := s.d.Rooms.Penalty(v.Context(), about, kind, user)
		if err = e; ok {
			found = append(found, p)
		}
	}
	if err != nil {
		return nil, err
	}
	shown := make([]penalty, 0, len(found))
	for _, p := range found {
		shown = append(shown, penaltyOf(p))
	}
	members := map[store.ChatPenaltyKind]string{store.ChatBan: "bans", store.ChatTimeOut: "timeOuts"}
	out := map[string]any{members[kind]: shown}
	if token := api.NextToken(next, listing...); token != nil {
		out["nextToken"] = *token
	}
	return out, nil
}
