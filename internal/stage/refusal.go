package stage

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
)

// The words that clients act on. docs/protocols/stages.md says what each means.
const (
	codeMalformed     = "TOKEN_MALFORMED"
	codeExpired       = "TOKEN_EXPIRED"
	codeNotAllowed    = "TOKEN_NOT_ALLOWED"
	codeDisconnected  = "PARTICIPANT_DISCONNECTED"
	codeDeleted       = "STAGE_DELETED"
	codeNotFound      = "PARTICIPANT_NOT_FOUND"
	codeNotPublishing = "NOT_PUBLISHING"
	codeAtCapacity    = "STAGE_AT_CAPACITY"
	codeCodec         = "CODEC_MISMATCH"
	codeUnavailable   = "UNAVAILABLE"
	codeDraining      = "SERVER_DRAINING"
	codeUnattached    = "INGEST_UNATTACHED"

	codeExchangeInvalid = "TOKEN_EXCHANGE_REQUEST_INVALID"
	codeExchangeFailed  = "TOKEN_EXCHANGE_FAILED"
)

// None of these is a NotFound fault: to a rtc.Door that would mean that the token is none of ours.
var (
	errMalformed     = rtc.Refuse(http.StatusUnauthorized, codeMalformed, fault.AccessDenied("this is not a participant token of this server"))
	errExpired       = rtc.Refuse(http.StatusUnauthorized, codeExpired, fault.AccessDenied("the participant token is expired"))
	errOtherStage    = rtc.Refuse(http.StatusForbidden, codeNotAllowed, fault.AccessDenied("the participant token is for another stage"))
	errNoPublish     = rtc.Refuse(http.StatusForbidden, codeNotAllowed, fault.AccessDenied("the participant token does not allow publishing"))
	errNoSubscribe   = rtc.Refuse(http.StatusForbidden, codeNotAllowed, fault.AccessDenied("the participant token does not allow subscribing"))
	errOccupied      = rtc.Refuse(http.StatusForbidden, codeNotAllowed, fault.AccessDenied("the participant's id is that of another one on the stage, by an ingest configuration or from another stage"))
	errRevoked       = rtc.Refuse(http.StatusForbidden, codeDisconnected, fault.AccessDenied("the participant was disconnected from the stage"))
	errDeleted       = rtc.Refuse(http.StatusNotFound, codeDeleted, fault.AccessDenied("the stage does not exist any more"))
	errNobody        = rtc.Refuse(http.StatusNotFound, codeNotFound, fault.AccessDenied("there is no such participant on the stage"))
	errNoMedia       = rtc.Refuse(http.StatusUnprocessableEntity, codeCodec, fault.InvalidInput("the offer has neither audio nor video that a stage carries"))
	errNotPublishing = &rtc.Refusal{Status: http.StatusConflict, Code: codeNotPublishing, RetryAfter: time.Second, Fault: fault.InConflict("the participant does not publish now")}
	errPublishers    = &rtc.Refusal{Status: http.StatusServiceUnavailable, Code: codeAtCapacity, RetryAfter: 5 * time.Second, Fault: fault.Down("as many participants publish on the stage as may")}
	errNotNow        = &rtc.Refusal{Status: http.StatusServiceUnavailable, Code: codeDraining, RetryAfter: time.Second, Fault: fault.Down("the server is going away, connect again")}
	errParticipants  = &rtc.Refusal{Status: http.StatusServiceUnavailable, Code: codeAtCapacity, RetryAfter: 5 * time.Second, Fault: fault.Down("as many participants are on the stage as may be")}
)

// Why a door that was open ends, as rtc tells its log. The client learns it on the events socket.
var (
	errTakenOver     = fault.InConflict("a newer session of the participant took over")
	errRemoved       = fault.AccessDenied("the participant was disconnected")
	errStageGone     = fault.AccessDenied("the stage was deleted")
	errDraining      = fault.Down("the server is shutting down")
	errPublisherGone = fault.InConflict("the publisher is gone")
)

// isSeat says whether a token has the form of a JWT. Stream keys have no dots.
func isSeat(token string) bool { return strings.Count(token, ".") == 2 }

// errAgain says that a token has to be judged once more.
var errAgain = errors.New("judge again")

// maxJudgements bounds how often a token is judged because others were disconnected meanwhile.
const maxJudgements = 5

// pass is a judged token or stream key. It is good as long as cuts has not changed.
type pass struct {
	seat   auth.Seat
	ingest Ingest // by which it came; zero: by a token
	bucket string // to which it is to be recorded; empty: not at all
	cuts   uint64
}

// judgement says whose a token or a stream key is, and that it is good now.
type judgement func(ctx context.Context) (pass, error)

// admit judges and lets the participant in: join opens the door, on the locked stage.
func (m *Manager) admit(ctx context.Context, judge judgement, join func(*stage, pass) error) error {
	p, err := judge(ctx)
	if err != nil {
		return err
	}
	return m.enter(ctx, p, judge, join)
}

// enter is what follows the judgement, which is made again if somebody was disconnected meanwhile.
func (m *Manager) enter(ctx context.Context, p pass, judge judgement, join func(*stage, pass) error) (err error) {
	for range maxJudgements {
		err = m.with(p.seat.StageARN, func(st *stage) error {
			if m.cuts.Load() != p.cuts {
				return errAgain
			}
			return join(st, p)
		})
		if err != errAgain {
			return err
		}
		if p, err = judge(ctx); err != nil {
			return err
		}
	}
	return &rtc.Refusal{Status: http.StatusServiceUnavailable, Code: codeUnavailable, RetryAfter: time.Second, Fault: fault.Down("the stage is busy, try again")}
}

// byToken judges a participant token; may says whether it is good for the door.
func (m *Manager) byToken(token string, may func(auth.Seat) error) judgement {
	return func(ctx context.Context) (pass, error) { return m.judge(ctx, token, may) }
}

func (m *Manager) judge(ctx context.Context, token string, may func(auth.Seat) error) (p pass, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupFor)
	defer cancel()
	p.cuts = m.cuts.Load() // before looking anything up
	p.seat, err = m.verify(ctx, token)
	switch {
	case fault.Of(err) == fault.Unavailable:
		return p, err
	case errors.Is(err, auth.ErrSeatExpired):
		return p, errExpired
	case err != nil, p.seat.ParticipantID == "":
		return p, errMalformed
	}
	stageARN := p.seat.StageARN
	if a, err := m.d.Minter.Own(arn.Stage, stageARN); err != nil || a.ID != p.seat.StageID {
		return p, errOtherStage
	}
	if err := m.d.Directory.Stage(ctx, stageARN); fault.Of(err) == fault.NotFound {
		return p, errDeleted
	} else if err != nil {
		return p, unreachable(err)
	}
	if revoked, err := m.d.DB.SeatRevoked(ctx, stageARN, p.seat.ParticipantID); err != nil {
		return p, unreachable(err)
	} else if revoked {
		return p, errRevoked
	}
	return p, may(p.seat)
}

// verify reads a token: one that this server made, or that a customer signed with a key that is known here.
func (m *Manager) verify(ctx context.Context, token string) (auth.Seat, error) {
	name := m.d.Seats.SeatKey(token)
	if name == "" {
		return m.d.Seats.Verify(token, m.now())
	}
	if _, err := m.d.Minter.Own(arn.PublicKey, name); err != nil {
		return auth.Seat{}, errMalformed
	}
	key, err := m.d.Directory.PublicKey(ctx, name)
	switch {
	case fault.Of(err) == fault.NotFound:
		return auth.Seat{}, errMalformed
	case err != nil:
		return auth.Seat{}, unreachable(err)
	}
	seat, err := m.d.Seats.VerifySigned(token, key, m.now())
	if err == nil && (m.d.EventsURL != "" && seat.EventsURL != m.d.EventsURL || m.d.WhipURL != "" && seat.WhipURL != m.d.WhipURL) {
		return seat, errMalformed
	}
	return seat, err
}

// unreachable makes what a lookup failed with a refusal that says to come again.
func unreachable(err error) error {
	return &rtc.Refusal{Status: http.StatusServiceUnavailable, Code: codeUnavailable, RetryAfter: 2 * time.Second, Fault: fault.Down("the server cannot look the token up now").Because(err)}
}
