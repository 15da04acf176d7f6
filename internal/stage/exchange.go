package stage

import (
	"encoding/json"
	"maps"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
)

// tokenDoc is what is kept of tokens that were exchanged, as JSON: store.StageEvent.PreviousToken and NewToken.
type tokenDoc struct {
	UserID     string            `json:"userId"`
	Attributes map[string]string `json:"attributes"`
	Publish    bool              `json:"publish"`
	Subscribe  bool              `json:"subscribe"`
	Expires    time.Time         `json:"expires"`
}

func tokenText(s auth.Seat) string {
	text, err := json.Marshal(tokenDoc{clean(s.UserID), s.Attributes, s.Publish, s.Subscribe, s.Expires})
	if err != nil {
		panic("a token's document is always JSON: " + err.Error())
	}
	return string(text)
}

// exchangeEvery is how often a participant may exchange its token: each time is told to everybody and written down.
const exchangeEvery = time.Second

var (
	errOtherToken = rtc.Refuse(403, codeNotAllowed, fault.AccessDenied("the new token is for another stage, another participant or other addresses"))
	errTooOften   = fault.Down("the token was exchanged a moment ago")
	errSocketOver = fault.InConflict("the socket is over")
)

// exchange takes another token in the place of the one that the socket was opened with, and says so.
func (s *socket) exchange(token string) {
	err := s.goOnBy(token)
	if err == nil {
		s.offer(exchangedFrame)
		return
	}
	code := codeExchangeFailed
	if final(err) {
		code = codeExchangeInvalid
	}
	s.offer(encode("TOKEN_EXCHANGE_REFUSED", struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, fault.Message(err)}))
}

var exchangedFrame = encode("TOKEN_EXCHANGED", nil)

func (s *socket) goOnBy(token string) error {
	st := s.st
	st.lock()
	own := s.mem.seat
	st.unlock()
	judge := st.m.byToken(token, func(seat auth.Seat) error {
		if seat.StageARN != own.StageARN || seat.ParticipantID != own.ParticipantID || seat.EventsURL != own.EventsURL || seat.WhipURL != own.WhipURL {
			return errOtherToken
		}
		return nil
	})
	return st.m.admit(st.m.life, judge, func(on *stage, p pass) error {
		switch now := st.m.now(); {
		case on != st || s.over:
			return errSocketOver
		case now.Sub(s.mem.exchanged) < exchangeEvery:
			return errTooOften
		default:
			s.mem.exchanged = now
		}
		st.exchange(s.mem, p.seat)
		return nil
	})
}

// exchange lets a participant go on by another token: what that does not allow ends.
func (st *stage) exchange(mem *member, seat auth.Seat) {
	event := st.event(mem, st.m.now(), "TOKEN_EXCHANGED", "", "")
	event.PreviousToken, event.NewToken = tokenText(mem.seat), tokenText(seat)
	mem.seat = seat
	mem.doc.Attributes = maps.Clone(seat.Attributes)
	if mem.doc.Attributes == nil {
		mem.doc.Attributes = map[string]string{}
	}
	st.record(mem, event, update(st.arn, st.session.id, "Token Exchanged", clean(seat.UserID), seat.ParticipantID, "", event.Time))
	st.change(mem)
	if !seat.Publish {
		mem.publish.end(errNoPublish)
	}
	if !seat.Subscribe {
		for _, s := range mem.subscribe {
			s.end(errNoSubscribe)
		}
		mem.many.end(errNoSubscribe)
	}
}
