package ugc

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Invitation asks one person onto somebody's stage, as its owner sees it. Its JSON is the app's.
type Invitation struct {
	ID            string                   `json:"id"`
	UserID        string                   `json:"userId"`
	Name          string                   `json:"name"`
	Guest         bool                     `json:"guest"` // has no account
	State         store.AppInvitationState `json:"state"`
	CreatedAt     time.Time                `json:"createdAt"`
	ExpiresAt     time.Time                `json:"expiresAt"` // of one that is waiting
	ParticipantID string                   `json:"participantId"`
}

func invitationOf(i store.AppInvitation) Invitation {
	return Invitation{i.ID, i.Holder, i.Name, i.Guest, i.State, i.Created, i.Expires, i.Participant}
}

// Studio is what a person sees of their stage.
type Studio struct {
	Username    string       `json:"username"`
	StageID     string       `json:"stageId"`
	RealTime    RealTime     `json:"realTime"`
	Invitations []Invitation `json:"invitations"` // the newest first
}

const (
	invitationFor      = time.Hour // for which an invitation waits
	maxInvitations     = 50        // open ones of one channel
	shownInvitations   = 100
	inviteEvent        = "StreamCat:MultihostInvite"
	invitationTries    = 3 // to tell the room
	invitationTryAfter = 300 * time.Millisecond
)

// Studio gives a person's own stage.
func (a *App) Studio(ctx context.Context, userID string) (Studio, error) {
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return Studio{}, err
	}
	all, err := a.rows.Invitations(ctx, userID, a.Now(), shownInvitations)
	if err != nil {
		return Studio{}, err
	}
	s := Studio{Username: c.Username, StageID: stageID(c), RealTime: realTimeOf(c), Invitations: []Invitation{}}
	for _, i := range all {
		s.Invitations = append(s.Invitations, invitationOf(i))
	}
	return s, nil
}

// guestIDs and guestNames are what the chat calls people without an account.
var (
	guestIDs   = regexp.MustCompile(`^guest-[0-9a-f]{16}$`)
	guestNames = regexp.MustCompile(`^guest-[0-9]{4}$`)
)

// invitee finds who is to be invited, as the chat knows them. The name of a person is the one they
// registered; a guest has the name that the chat gives, or none.
func (a *App) invitee(ctx context.Context, userID, name string) (Chatter, error) {
	if guestIDs.MatchString(userID) {
		if !guestNames.MatchString(name) {
			name = "guest"
		}
		return Chatter{UserID: userID, Name: name, Guest: true}, nil
	}
	u, err := a.User(ctx, userID)
	if fault.Of(err) == fault.NotFound {
		return Chatter{}, fault.Missing("there is nobody of that name in the chat")
	}
	return Chatter{UserID: u.ID, Name: u.Username}, err
}

// Invite asks somebody, as the chat knows them, onto a person's own stage, and tells them in the person's
// own chat room. Who is invited already gets the same invitation again, with a new hour to take it up.
func (a *App) Invite(ctx context.Context, ownerID, userID, name string) (Invitation, error) {
	if userID == ownerID {
		return Invitation{}, fault.InvalidInput("you cannot invite yourself: it is your stage")
	}
	who, err := a.invitee(ctx, userID, name)
	if err != nil {
		return Invitation{}, err
	}
	c, err := a.rows.Channel(ctx, ownerID)
	if err != nil {
		return Invitation{}, err
	}
	now := a.Now().UTC().Truncate(time.Microsecond)
	i, err := a.rows.OpenInvitation(ctx, store.AppInvitation{
		ID: arn.NewID(24), Owner: ownerID, Holder: who.UserID, Name: who.Name, Guest: who.Guest, Created: now, Expires: now.Add(invitationFor),
	}, maxInvitations)
	if fault.Of(err) == fault.Quota {
		return Invitation{}, &Coded{"too-many-invitations", fault.InConflict("%s", fault.Message(err))}
	}
	if err != nil {
		return Invitation{}, err
	}
	t, err := a.token(ctx, c, guestSeat(i), i.Name)
	if errors.Is(err, errClosed) {
		return Invitation{}, fault.InConflict("the invitation was withdrawn meanwhile").Because(err)
	}
	if err != nil {
		return Invitation{}, err
	}
	i.Participant = t.ParticipantID
	return invitationOf(i), a.tellInvited(ctx, c, i)
}

func guestSeat(i store.AppInvitation) store.AppSeat {
	return store.AppSeat{Owner: i.Owner, Holder: i.Holder, Role: store.AppGuest, Invitation: i.ID}
}

// tellInvited sends an invitation into the room. Everybody there can read it: it holds no token, and only who
// is invited can take it up.
func (a *App) tellInvited(ctx context.Context, c store.AppChannel, i store.AppInvitation) error {
	attributes := map[string]string{
		"userId": i.Holder, "invitation": i.ID, "channel": c.Username, "host": c.Username, "expiresAt": i.Expires.Format(time.RFC3339),
	}
	for try := 1; ; try++ {
		err := a.sendEvent(ctx, c, inviteEvent, attributes)
		if err == nil || try == invitationTries || fault.Of(err) != fault.Unavailable {
			return err
		}
		if err := pause(ctx, invitationTryAfter); err != nil {
			return err
		}
	}
}

// Join takes an invitation up, or comes back on one that was, and gives its holder their place and the name
// of the host. The codes are "not-yours" (Denied) and what became of an invitation that is closed: "expired",
// "removed" or "withdrawn" (Conflict).
func (a *App) Join(ctx context.Context, username, invitation string, who Chatter) (t StageToken, host string, err error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return StageToken{}, "", err
	}
	for range 2 {
		i, err := a.rows.TakeUp(ctx, c.UserID, invitation, who.UserID, a.Now())
		if fault.Of(err) == fault.Denied {
			return StageToken{}, "", &Coded{"not-yours", fault.AccessDenied("this invitation is for somebody else")}
		}
		if err != nil {
			return StageToken{}, "", err
		}
		if said, closed := closings[i.State]; closed {
			return StageToken{}, "", &Coded{string(i.State), fault.InConflict("%s", said)}
		}
		t, err := a.token(ctx, c, guestSeat(i), i.Name)
		if !errors.Is(err, errClosed) {
			return t, c.Username, err
		} // and the second round says how
	}
	return StageToken{}, "", fault.InConflict("the invitation was closed meanwhile")
}

// closings says in words what became of a closed invitation.
var closings = map[store.AppInvitationState]string{
	store.AppExpired:   "this invitation has expired; ask the host for another one",
	store.AppRemoved:   "the host has removed you from the stage",
	store.AppWithdrawn: "the host has taken this invitation back",
}

// Withdraw takes one of a person's own invitations back, and whoever came by it off the stage.
func (a *App) Withdraw(ctx context.Context, ownerID, invitation string) error {
	return a.closeInvitation(ctx, ownerID, invitation, store.AppWithdrawn)
}

// Remove takes a guest off a person's own stage; the token they came with, and any other made for their
// invitation, is worth nothing from here on. A viewer is taken off, too, but may come again.
func (a *App) Remove(ctx context.Context, ownerID, participant string) error {
	t, err := a.rows.StageTokenOf(ctx, ownerID, participant)
	if err != nil {
		return err
	}
	switch t.Role {
	case store.AppGuest:
		return a.closeInvitation(ctx, ownerID, t.Invitation, store.AppRemoved)
	case store.AppHost:
		return fault.InvalidInput("you cannot remove yourself: it is your stage")
	}
	if err := a.rows.RevokeStageToken(ctx, participant); err != nil {
		return err
	}
	c, err := a.rows.Channel(ctx, ownerID)
	if err != nil {
		return err
	}
	return a.disconnect(context.WithoutCancel(ctx), c.StageARN, participant)
}

func (a *App) closeInvitation(ctx context.Context, ownerID, invitation string, as store.AppInvitationState) error {
	ctx = context.WithoutCancel(ctx) // who was half removed would stay
	c, err := a.rows.Channel(ctx, ownerID)
	if err != nil {
		return err
	}
	if _, err := a.rows.CloseInvitation(ctx, ownerID, invitation, as, a.Now()); err != nil {
		return err
	}
	if err := a.dismiss(ctx, c, invitation); err != nil {
		return fault.Down("the invitation is closed, but the guest could not be disconnected yet; it is tried again").Because(err)
	}
	return nil
}
