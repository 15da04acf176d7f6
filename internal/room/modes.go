package room

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// Modes are rules for all who write in a room, but moderators: tokens with DELETE_MESSAGE or DISCONNECT_USER.
type Modes struct {
	Slow          time.Duration `json:"slow"` // between two messages of one user: whole seconds, at most MaxSlow; 0: off
	FollowersOnly bool          `json:"followersOnly"`
	NoGuests      bool          `json:"noGuests"`

	// Follower and Guest say by which attribute of a token who follows and who is a guest is known, as "name=value".
	Follower string `json:"follower"` // "": DefaultFollower
	Guest    string `json:"guest"`    // "": DefaultGuest
}

const (
	// MaxSlow bounds what is remembered of who spoke.
	MaxSlow = 5 * time.Minute

	DefaultFollower = "follower=true"
	DefaultGuest    = "role=guest"

	maxMark = 256 // bytes of Follower and Guest
)

func parseModes(doc string) (Modes, error) {
	m, err := parsed[Modes](doc)
	if m.Follower == "" {
		m.Follower = DefaultFollower
	}
	if m.Guest == "" {
		m.Guest = DefaultGuest
	}
	return m, err
}

// check judges modes that somebody sets.
func (m Modes) check() error {
	if m.Slow < 0 || m.Slow > MaxSlow || m.Slow%time.Second != 0 {
		return fault.InvalidInput("slowMode must be from 0 to %d whole seconds", int(MaxSlow/time.Second))
	}
	for _, mark := range []struct{ name, text string }{{"followerAttribute", m.Follower}, {"guestAttribute", m.Guest}} {
		if name, _, ok := strings.Cut(mark.text, "="); !ok || name == "" || len(mark.text) > maxMark || !isText(mark.text) {
			return fault.InvalidInput("%s must be name=value, at most %d bytes", mark.name, maxMark)
		}
	}
	return nil
}

// judge says whether a sender, in JSON, may write by the modes. Attributes are only looked at while a mode needs
// them, so that a connection need not keep them.
func (m Modes) judge(from []byte) error {
	if !m.FollowersOnly && !m.NoGuests {
		return nil
	}
	var s sender
	if err := json.Unmarshal(from, &s); err != nil {
		return err
	}
	has := func(mark string) bool {
		name, value, _ := strings.Cut(mark, "=")
		got, ok := s.Attributes[name]
		return ok && got == value
	}
	switch {
	case m.NoGuests && has(m.Guest):
		return fault.AccessDenied("guests may not write in this room now")
	case m.FollowersOnly && !has(m.Follower):
		return fault.AccessDenied("only followers may write in this room now")
	}
	return nil
}
