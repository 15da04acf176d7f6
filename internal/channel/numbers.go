package channel

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// numbers is all that is measured of one session.
type numbers struct {
	meter   ingestMeter
	coach   *coach
	history history

	mu        sync.Mutex
	latest    Reading   // of the last five seconds that are over
	sampled   time.Time // when they were over; zero before the first frame
	looked    time.Time // when delivered was brought up to date
	delivered time.Duration
	input     time.Duration
}

func newNumbers(channelType string) *numbers { return &numbers{coach: newCoach(channelType)} }

// note watches frames, in the order of their coming.
func (n *numbers) note(frames []*media.Frame) {
	n.meter.note(frames)
	n.coach.note(frames)
}

// sample is called often while a session is live, and makes a point of each five seconds.
func (n *numbers) sample(started, now time.Time, viewers int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.looked.IsZero() {
		n.looked = now
		n.meter.begin(started)
	}
	n.delivered += time.Duration(viewers) * max(0, now.Sub(n.looked))
	n.looked = now
	end := now.Truncate(historyStep)
	if n.sampled.IsZero() {
		n.sampled = started.Truncate(historyStep)
	}
	if !end.After(n.sampled) {
		return
	}
	n.take(end.Add(-historyStep), now, viewers)
	n.sampled = end
}

// last makes a point of what came since the last one, once the session is over.
func (n *numbers) last(now time.Time, viewers int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at := now.Truncate(historyStep); !n.sampled.IsZero() && !at.Before(n.sampled) && now.Sub(at) >= time.Second {
		n.take(at, now, viewers)
	}
}

// take makes the point of the five seconds from at on.
func (n *numbers) take(at, now time.Time, viewers int64) {
	n.latest = n.meter.take(now)
	n.input += n.latest.Input
	best := n.latest.Best()
	n.history.add(Point{
		Time: at.UTC(), Views: viewers, Video: n.latest.Bitrate(), Audio: n.latest.Audio,
		FrameRate: best.FrameRate, Keyframes: best.Keyframes, Input: n.latest.Input,
	})
}

// totals gives the last reading, and what came and was watched since the session began.
func (n *numbers) totals() (latest Reading, input, delivered time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.latest, n.input, n.delivered
}

// Report is how a live stream does.
type Report struct {
	Live
	Protocol   string
	WaitsUntil time.Time // when the stream ends unless its encoder, which was lost, is back; zero while it is there
	Latest     Reading   // of the last five seconds that are over; zero before
	Advice     []Advice  // what its encoder should do otherwise
}

// Report tells how a broadcasting channel does; NotLive if it is not.
func (m *Manager) Report(_ context.Context, channelARN string) (Report, error) {
	s := m.sessionOf(channelARN)
	if s == nil {
		return Report{}, offline(channelARN)
	}
	l, ok := s.status(m.d.Now())
	if !ok {
		return Report{}, offline(channelARN)
	}
	latest, _, _ := s.numbers.totals()
	return Report{
		Live: l, Protocol: s.protocol, WaitsUntil: s.waitsUntil(m.d.Reconnect), Latest: latest, Advice: s.numbers.coach.advice(l.Encoder),
	}, nil
}

// sessionOf finds the session that a channel has now; nil if it has none.
func (m *Manager) sessionOf(channelARN string) *session {
	c := m.find(arn.ID(channelARN))
	if c == nil {
		return nil
	}
	if s := c.live(); s != nil && s.spec.ARN == channelARN {
		return s
	}
	return nil
}

// measure samples a session, and sees to it that what was found is written. The caller holds Manager.mu and
// comes often.
func (m *Manager) measure(s *session, now time.Time) {
	started := s.startedAt()
	if started.IsZero() {
		return
	}
	s.numbers.sample(started, now, s.viewers.Load())
	m.saveHistory(s, now)
	m.tellAdvice(s, now)
}

// tellAdvice tells what the coach began or ceased to say. The caller holds Manager.mu.
func (m *Manager) tellAdvice(s *session, now time.Time) {
	number, ok := s.numbers.coach.changed()
	if !ok || m.closing || s.ending() || !s.advising.CompareAndSwap(false, true) {
		return
	}
	m.done.Go(func() {
		defer s.advising.Store(false)
		log := m.d.Log.With("channel", s.spec.ID, "stream", s.id)
		m.persist(log, "advice", func(ctx context.Context) error {
			known, err := m.noteAdvice(ctx, s, now)
			if known && err == nil {
				s.numbers.coach.told(number)
			}
			return err
		})
		m.wake()
	})
}

// noteAdvice brings what is written of a session's advice in step with the coach: what is new is told, and
// what is over. It is not known before Stream Start.
func (m *Manager) noteAdvice(ctx context.Context, s *session, at time.Time) (known bool, err error) {
	advice := s.numbers.coach.advice(s.encoder())
	_, err = m.record(ctx, s, func(_ *store.StreamSession, r *Record) (tales []tale) {
		if known = r.Live; !known {
			return nil
		}
		var now []string
		for _, a := range advice {
			code := a.Code.String()
			now = append(now, code)
			if !slices.Contains(r.Advice, code) {
				tales = append(tales, adviceTale("StreamCat Advice Start", code, at).
					with("severity", a.Severity).with("message", a.Message).with("remedy", a.Remedy))
			}
		}
		for _, code := range r.Advice {
			if !slices.Contains(now, code) {
				tales = append(tales, adviceTale("StreamCat Advice End", code, at))
			}
		}
		r.Advice = now
		return tales
	})
	return known, err
}

// adviceTale is an event of the coach. Its names are our own: AWS has none for what it tells.
func adviceTale(name, code string, at time.Time) tale {
	t := happened(name, healthChange, at)
	t.Code = code
	return t
}
