package ugc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	realtimetypes "github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Coded is an error that pages act upon by its code.
type Coded struct {
	Code  string // "not-yours", …
	Fault *fault.Error
}

func (c *Coded) Error() string { return c.Code + ": " + c.Fault.Error() }
func (c *Coded) Unwrap() error { return c.Fault }

// StageToken is somebody's place on a stage. The token is a secret of whom it was made for.
type StageToken struct {
	Token         string    `json:"token"`
	ParticipantID string    `json:"participantId"`
	Expires       time.Time `json:"expirationTime"`
	UserID        string    `json:"userId"`
	Username      string    `json:"username"`
	StageID       string    `json:"stageId"`
}

// seats says what a token of each role may do and how long it lasts, in minutes.
var seats = map[store.AppRole]struct {
	capabilities []realtimetypes.ParticipantTokenCapability
	minutes      int32
}{
	store.AppHost: {
		[]realtimetypes.ParticipantTokenCapability{realtimetypes.ParticipantTokenCapabilityPublish, realtimetypes.ParticipantTokenCapabilitySubscribe}, 12 * 60,
	},
	store.AppGuest: {
		[]realtimetypes.ParticipantTokenCapability{realtimetypes.ParticipantTokenCapabilityPublish, realtimetypes.ParticipantTokenCapabilitySubscribe}, 12 * 60,
	},
	store.AppViewer: {[]realtimetypes.ParticipantTokenCapability{realtimetypes.ParticipantTokenCapabilitySubscribe}, 60},
}

const (
	// nearEnd is how close to its end a stored token is not given any more.
	nearEnd = 10 * time.Second
	// makeFor is how long somebody who makes a token may be silent before another does it.
	makeFor = callTimeout + 7*time.Second
	// makeLook is how often somebody who waits for another's token looks for it.
	makeLook = 50 * time.Millisecond

	maxSeating = 32 // who have a token made or wait for one; more wait before that
)

// HostToken gives a person's place on their own stage, where they may publish and subscribe. refused, if it
// names the participant of a stored token, says that the service does not take that one any more: another is
// made.
func (a *App) HostToken(ctx context.Context, userID, refused string) (StageToken, error) {
	u, err := a.User(ctx, userID)
	if err != nil {
		return StageToken{}, err
	}
	c, err := a.rows.Channel(ctx, userID)
	if err != nil {
		return StageToken{}, err
	}
	seat := store.AppSeat{Owner: userID, Holder: userID, Role: store.AppHost}
	if err := a.forget(ctx, seat, refused); err != nil {
		return StageToken{}, err
	}
	return a.token(ctx, c, seat, u.Username)
}

// ViewerToken gives somebody a place from which to watch a channel in real time; a Conflict with the code
// "not-real-time" says that there is nothing to watch. refused is as for HostToken.
func (a *App) ViewerToken(ctx context.Context, username string, who Chatter, refused string) (StageToken, error) {
	c, err := a.rows.ChannelByName(ctx, nameKey(username))
	if err != nil {
		return StageToken{}, err
	}
	if c.RealTimeSince.IsZero() {
		return StageToken{}, notRealTime()
	}
	seat := store.AppSeat{Owner: c.UserID, Holder: who.UserID, Role: store.AppViewer}
	if err := a.forget(ctx, seat, refused); err != nil {
		return StageToken{}, err
	}
	t, err := a.token(ctx, c, seat, who.Name)
	if errors.Is(err, errClosed) {
		err = notRealTime()
	}
	return t, err
}

func notRealTime() error {
	return &Coded{"not-real-time", fault.InConflict("the channel is not live in real time")}
}

// forget takes a seat's stored token out of use if it is the one of the refused participant.
func (a *App) forget(ctx context.Context, seat store.AppSeat, refused string) error {
	if refused == "" {
		return nil
	}
	t, err := a.rows.StageTokenOf(ctx, seat.Owner, refused)
	switch {
	case fault.Of(err) == fault.NotFound:
		return nil
	case err != nil:
		return err
	case t.AppSeat != seat:
		return nil
	}
	return a.rows.RetireStageToken(ctx, t.Participant)
}

// errClosed says that while a token was made its invitation was closed, or what it was to show ended.
var errClosed = errors.New("the stage has been closed to whom the token was made for")

// token gives the stored token of a seat, or makes and stores one if there is none that lasts. Of several
// who ask at once, in all processes, one makes it and all get it. A host's is never errClosed.
func (a *App) token(ctx context.Context, c store.AppChannel, seat store.AppSeat, name string) (StageToken, error) {
	if t, err := a.storedToken(ctx, c, seat, name); err != nil || t.Token != "" {
		return t, err
	}
	ctx, cancel := context.WithTimeout(ctx, makeFor)
	defer cancel()
	busy := fault.Down("your place on the stage could not be made in time; please try again in a moment")
	select {
	case a.seating <- struct{}{}:
		defer func() { <-a.seating }()
	case <-ctx.Done():
		return StageToken{}, busy.Because(ctx.Err())
	}
	for {
		now := a.Now()
		until := now.Add(makeFor)
		mine, err := a.rows.ClaimSeat(ctx, seat, now, until)
		if err != nil {
			return StageToken{}, err
		}
		// Whoever had the claim before may have just made it.
		if t, err := a.storedToken(ctx, c, seat, name); err != nil || t.Token != "" || mine {
			if mine {
				defer a.release(ctx, seat, until)
			}
			if err != nil || t.Token != "" {
				return t, err
			}
			return a.makeToken(ctx, c, seat, name)
		}
		if pause(ctx, makeLook) != nil {
			return StageToken{}, busy
		}
	}
}

func (a *App) release(ctx context.Context, seat store.AppSeat, until time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	if err := a.rows.ReleaseSeat(ctx, seat, until); err != nil {
		a.Log.WarnContext(ctx, "a claim on a stage's seat could not be given back; it runs out", "err", err)
	}
}

// storedToken gives a seat's token, or a blank one if there is none that may be given.
func (a *App) storedToken(ctx context.Context, c store.AppChannel, seat store.AppSeat, name string) (StageToken, error) {
	t, ok, err := a.rows.StageToken(ctx, seat, a.Now().Add(nearEnd))
	if err != nil || !ok {
		return StageToken{}, err
	}
	plain, err := a.Sealer.Open(t.Sealed, sealedAs(t.Participant))
	if err != nil {
		// Another server's keys, or spoiled: this one can never be given again.
		a.Log.ErrorContext(ctx, "a stored participant token does not open; another is made", "participant", t.Participant, "err", err)
		return StageToken{}, a.rows.RetireStageToken(ctx, t.Participant)
	}
	a.metrics.seats.WithLabelValues(string(seat.Role), "used again").Inc()
	return stageToken(c, t, string(plain), name), nil
}

func stageToken(c store.AppChannel, t store.AppStageToken, plain, name string) StageToken {
	return StageToken{
		Token: plain, ParticipantID: t.Participant, Expires: t.Expires, UserID: t.Holder, Username: name, StageID: stageID(c),
	}
}

// stageID is the last part of a stage's ARN.
func stageID(c store.AppChannel) string { return c.StageARN[strings.LastIndexByte(c.StageARN, '/')+1:] }

// sealedAs is what a stored token is sealed for.
func sealedAs(participant string) string { return "stage token " + participant }

// makeToken makes and stores a token; the caller holds the claim on the seat.
func (a *App) makeToken(ctx context.Context, c store.AppChannel, seat store.AppSeat, name string) (StageToken, error) {
	kind := seats[seat.Role]
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := a.Stages.CreateParticipantToken(call, &ivsrealtime.CreateParticipantTokenInput{
		StageArn: &c.StageARN, UserId: &seat.Holder, Capabilities: kind.capabilities, Duration: &kind.minutes,
		Attributes: map[string]string{"username": name, "role": string(seat.Role)},
	})
	if err != nil {
		a.metrics.seats.WithLabelValues(string(seat.Role), "failed").Inc()
		return StageToken{}, asked("taking a place on the stage", err)
	}
	made := out.ParticipantToken
	plain, participant := aws.ToString(made.Token), aws.ToString(made.ParticipantId)
	sealed, err := a.Sealer.Seal([]byte(plain), sealedAs(participant))
	if err != nil {
		return StageToken{}, err
	}
	t := store.AppStageToken{
		AppSeat: seat, Participant: participant, Sealed: sealed,
		Made: a.Now().UTC().Truncate(time.Microsecond), Expires: aws.ToTime(made.ExpirationTime).UTC(),
	}
	kept, err := a.rows.InsertStageToken(context.WithoutCancel(ctx), t)
	if err != nil {
		return StageToken{}, err
	}
	a.metrics.seats.WithLabelValues(string(seat.Role), "made").Inc()
	if !kept {
		return StageToken{}, errors.Join(errClosed, a.disconnect(context.WithoutCancel(ctx), c.StageARN, participant))
	}
	return stageToken(c, t, plain, name), nil
}

const maxDepartures = 100 // participants that one pass tells the service of

// dismiss tells the service of participants who must go: those of one invitation, or of all if none is
// named, whatever their channel. What fails is tried again by checkStages.
func (a *App) dismiss(ctx context.Context, c store.AppChannel, invitation string) error {
	owed, err := a.rows.OwedDepartures(ctx, invitation, a.Now(), maxDepartures)
	if err != nil {
		return err
	}
	var failed []error
	for _, t := range owed {
		of := c
		if t.Owner != c.UserID {
			if of, err = a.rows.Channel(ctx, t.Owner); err != nil {
				failed = append(failed, err)
				continue
			}
		}
		failed = append(failed, a.disconnect(ctx, of.StageARN, t.Participant))
	}
	return errors.Join(failed...)
}

// disconnect ends a participant's part on a stage: the service does not take the token any more. One that it
// does not know is gone already.
func (a *App) disconnect(ctx context.Context, stageARN, participant string) error {
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := a.Stages.DisconnectParticipant(call, &ivsrealtime.DisconnectParticipantInput{
		StageArn: &stageARN, ParticipantId: &participant, Reason: aws.String("the host's wish"),
	})
	if err := gone("disconnecting somebody", err); err != nil {
		return err
	}
	return a.rows.Departed(ctx, participant)
}

// noKeys is the Sealer of an app that was given none.
type noKeys struct{}

var errNoKeys = errors.New("the web app has no keys to keep secrets with")

func (noKeys) Seal([]byte, string) ([]byte, error) { return nil, errNoKeys }
func (noKeys) Open([]byte, string) ([]byte, error) { return nil, errNoKeys }

// Digest is good until the process ends.
func (noKeys) Digest(purpose, value string) string {
	mac := hmac.New(sha256.New, processKey())
	mac.Write([]byte(purpose + "\x00" + value))
	return hex.EncodeToString(mac.Sum(nil))
}

var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
})
