package room

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/review"
)

// Reviewer asks message review handlers; *review.Handlers is one. An error says that there is no verdict. It always
// answers within a time that is short for the people in a room.
type Reviewer interface {
	Review(ctx context.Context, handler string, maxContent int, r review.Request) (review.Verdict, error)
}

// noReviewer is for managers without one: every review fails, so the rooms' fallback holds.
type noReviewer struct{}

func (noReviewer) Review(context.Context, string, int, review.Request) (review.Verdict, error) {
	return review.Verdict{}, errors.New("there is no reviewer")
}

// rejection is why a reviewed message is not said.
type rejection struct{ reason string }

func (r *rejection) Error() string {
	if r.reason == "" {
		return "the message was refused by review"
	}
	return r.reason
}

// What became of reviews, as metrics label it.
const (
	reviewAllowed         = "allowed"
	reviewRewritten       = "rewritten"
	reviewDenied          = "denied"
	reviewFallbackAllowed = "fallback-allowed"
	reviewFallbackDenied  = "fallback-denied"
)

// lineUp puts a message into the room's line and has it reviewed, if the room wants that. The connection goes on
// reading meanwhile, and what it sent is said even if it ends before the review does: the room stays for it. TakeBack is as in say.
func (c *conn) lineUp(spec Spec, msg message, now time.Time, takeBack func()) error {
	r, m := c.room, c.room.m
	t := r.line.join()
	if t == nil {
		takeBack()
		return fault.TooFast(maxInLine, "%d messages in the room are waiting for review", maxInLine)
	}
	say := func() {
		err := r.keep.bars(c.user, m.now()) // a penalty while the review lasted
		if err == nil {
			err = c.utter(spec, msg, now, takeBack)
		}
		if err != nil {
			c.refuse(msg.RequestID, err)
		}
	}
	if spec.ReviewHandler == "" {
		r.line.settle(t, say)
		return nil
	}
	m.stay(r)
	m.work.Go(func() {
		defer m.exit(r)
		if err := c.judge(spec, &msg); err != nil {
			r.line.settle(t, nil)
			takeBack()
			c.refuse(msg.RequestID, err)
			return
		}
		r.line.settle(t, say)
	})
	return nil
}

// judge has a message reviewed; what the handler makes of it goes into the message. An error, a *rejection, says that
// it must not be said.
func (c *conn) judge(spec Spec, msg *message) error {
	m := c.room.m
	outcome := m.metrics.reviews.WithLabelValues
	verdict, err := m.reviewer.Review(context.Background(), spec.ReviewHandler, spec.MaxLength, review.Request{
		Content: msg.Content, MessageID: msg.ID, RoomARN: spec.ARN, Attributes: msg.Attributes, Sender: c.reviewed(),
	})
	switch {
	case err != nil && spec.DenyUnreviewed:
		outcome(reviewFallbackDenied).Inc()
		return &rejection{"the message could not be reviewed; please try again later"}
	case err != nil:
		outcome(reviewFallbackAllowed).Inc()
		return nil
	case !verdict.Allowed:
		outcome(reviewDenied).Inc()
		return &rejection{verdict.Reason}
	case verdict.Content != msg.Content:
		outcome(reviewRewritten).Inc()
	default:
		outcome(reviewAllowed).Inc()
	}
	msg.Content, msg.Attributes = verdict.Content, verdict.Attributes
	return nil
}

// reviewed is the sender as handlers see them.
func (c *conn) reviewed() (s review.Sender) {
	_ = json.Unmarshal(c.sender, &s) // encoded by newConn
	if c.peer.IsValid() {
		s.IP = c.peer.String()
	}
	return s
}

// stay keeps a room that is in use until exit.
func (m *Manager) stay(r *room) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r.users++
	m.work.Add(1)
}

// peerAddr is where a request comes from when nobody knows better.
func peerAddr(r *http.Request) netip.AddrPort {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // none: it comes from no address
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}
