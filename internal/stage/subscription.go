package stage

import (
	"context"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/rtc"
)

// subscription is one session in which a participant watches another one.
type subscription struct {
	door
	watcher
	remote  string
	started bool // SUBSCRIBE_STARTED was written; guarded by stage.mu
}

// maySubscribe judges who asks to watch others.
func (m *Manager) maySubscribe(r rtc.Request) func(auth.Seat) error {
	return func(s auth.Seat) error {
		switch {
		case !s.Subscribe:
			m.note(s, "SUBSCRIBE_ERROR", "INSUFFICIENT_CAPABILITIES", clip(r.ParticipantID))
			return errNoSubscribe
		case !r.Audio && !r.Video:
			return errNoMedia
		}
		return nil
	}
}

// Subscribe lets a participant watch another one, who must publish now, or as many as it likes in a gallery.
func (m *Manager) Subscribe(ctx context.Context, r rtc.Request) (rtc.Subscription, error) {
	if r.ParticipantID == "" {
		return m.watchMany(ctx, r)
	}
	sub := &subscription{remote: r.ParticipantID}
	err := m.admit(ctx, m.byToken(r.Token, m.maySubscribe(r)), func(st *stage, p pass) error {
		seat := p.seat
		mem, err := st.member(p)
		if err != nil {
			return err
		}
		if st.members[sub.remote] == nil {
			st.fail(seat.ParticipantID, "SUBSCRIBE_ERROR", "PUBLISHER_NOT_FOUND", clip(sub.remote))
			return errNobody
		}
		f := st.feeds[sub.remote]
		if f == nil || f.publisher == nil {
			return errNotPublishing
		}
		s := mem.subscribe[sub.remote]
		if s == nil {
			s = &slot{}
			mem.subscribe[sub.remote] = s
		}
		sub.door = door{st: st, mem: mem, slot: s, shut: sub.shut}
		sub.watcher = watcher{feed: f, viewer: mem, session: r.Origin, lost: func() { sub.end(errPublisherGone) }}
		f.watchers[&sub.watcher] = struct{}{}
		sub.open(r.UserAgent)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// Start makes a Down of each sender.
func (s *subscription) Start(senders []rtc.Sender, p rtc.Peer) {
	s.st.lock()
	defer s.st.unlock()
	s.start(p)
	if s.over { // nothing will be wired
		return
	}
	for _, sender := range senders { // at most one of a kind: rtc refuses other offers
		s.outlets[index(sender.Kind())] = s.st.m.newOutlet(sender, nil)
	}
	s.expire()
	s.door.bound = s.watcher.bound
	s.watcher.bound(s.mem.prefers[s.remote])
}

// maxPreferences is how many participants one may have a wish about.
const maxPreferences = 64

// prefer bounds the size of the picture that a member gets of another one, now and when it watches it again.
func (mem *member) prefer(remote string, pixels int) {
	if pixels == 0 {
		delete(mem.prefers, remote)
	} else if _, known := mem.prefers[remote]; known || len(mem.prefers) < maxPreferences {
		if mem.prefers == nil {
			mem.prefers = map[string]int{}
		}
		mem.prefers[remote] = pixels
	} else {
		return
	}
	if mem.gallery != nil {
		mem.gallery.bound(remote, pixels)
	}
	if s := mem.subscribe[remote]; s != nil {
		for _, d := range []*door{s.next, s.live} {
			if d != nil && d.bound != nil {
				d.st.defers(func() { d.bound(pixels) })
			}
		}
	}
}

// Connected lets media flow.
func (s *subscription) Connected() {
	s.st.lock()
	defer s.st.unlock()
	if !s.connect() {
		return
	}
	s.started = true
	s.mem.succeed("SUBSCRIBE_ERROR", s.remote)
	s.st.m.metrics.subscriptions.Inc()
	s.st.write(s.mem, "SUBSCRIBE_STARTED", "", s.remote)
	s.st.defers(func() { s.feed.wire(&s.watcher) })
}

// Ended ends the subscription.
func (s *subscription) Ended(reason error) {
	s.st.lock()
	defer s.st.unlock()
	s.blame("SUBSCRIBE_ERROR", reason, s.remote)
	s.ended(reason)
}

// shut is what the end means.
func (s *subscription) shut() {
	st := s.st
	if s.started {
		st.m.metrics.subscriptions.Dec()
		st.write(s.mem, "SUBSCRIBE_STOPPED", "", s.remote)
	}
	if s.slot.empty() {
		delete(s.mem.subscribe, s.remote)
	}
	delete(s.feed.watchers, &s.watcher)
	st.tidy(s.feed)
	st.defers(func() {
		s.feed.unwire(&s.watcher)
		for _, o := range s.outlets {
			if o != nil {
				o.close(st.m)
			}
		}
	})
}

// clip keeps what a client calls a participant at the length that a participant id may have.
func clip(id string) string {
	if len(id) > 64 {
		id = id[:64]
	}
	return clean(id)
}
