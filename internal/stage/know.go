package stage

import (
	"context"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
)

// known is whom a token is for.
type known struct{ seat auth.Seat }

// Seat gives the participant and the end of its token; a stream key has none.
func (k known) Seat() (participant string, until time.Time) {
	return k.seat.ParticipantID, k.seat.Expires
}

// Know judges a token as Publish or Subscribe would, and lets nobody in. It is nobody's attempt, so nothing is
// written down of what fails.
func (m *Manager) Know(ctx context.Context, token string, subscribe bool) (rtc.Seated, error) {
	may := func(s auth.Seat) error {
		switch {
		case subscribe && !s.Subscribe:
			return errNoSubscribe
		case !subscribe && !s.Publish:
			return errNoPublish
		}
		return nil
	}
	judge := m.byToken(token, may)
	if !subscribe && !isSeat(token) {
		if !isKey(token) {
			return nil, fault.Missing("this is no participant token")
		}
		judge = m.byKey(token, may)
	}
	p, err := judge(ctx)
	if err != nil {
		return nil, err
	}
	return known{p.seat}, nil
}
