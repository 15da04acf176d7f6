package stage

import (
	"context"
	"slices"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// gallery is one session in which a participant watches as many others as it has places for: those whom its
// client names on the events socket, when they can be seen. All but its outlets' affairs is guarded by stage.mu.
type gallery struct {
	door
	origin string // what the client knows the session by
	places []*place
	number uint64 // of the latest watcher
	seen   []string
	told   []byte // the frame that the client got last
}

// place is an outlet for sound and one for pictures, which players keep in step; one may be missing. It is
// one participant's at a time.
type place struct {
	outlets  [2]*outlet  // by kind
	watchers [2]*watcher // who have them; nil: nobody
	remote   string      // whom they watch; empty: the place is free
	left     uint64      // the number of the last watcher when it became free
}

// wish is what a client wants of another participant.
type wish struct {
	remote string
	kinds  [2]bool
	first  sfu.First // of several sizes of a picture
}

// watchMany lets a participant have a gallery.
func (m *Manager) watchMany(ctx context.Context, r rtc.Request) (rtc.Subscription, error) {
	g := &gallery{origin: r.Origin}
	err := m.admit(ctx, m.byToken(r.Token, m.maySubscribe(r)), func(st *stage, p pass) error {
		mem, err := st.member(p)
		if err != nil {
			return err
		}
		g.door = door{st: st, mem: mem, slot: &mem.many, shut: g.shut}
		g.open(r.UserAgent)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Start makes places of the senders: the first sound and the first picture are one, and so on.
func (g *gallery) Start(senders []rtc.Sender, p rtc.Peer) {
	g.st.lock()
	defer g.st.unlock()
	g.start(p)
	if g.over { // nobody will be watched
		return
	}
	g.expire()
	pool := sfu.NewPool()
	var count [2]int
	for _, s := range senders {
		k := index(s.Kind())
		if count[k] == len(g.places) {
			g.places = append(g.places, &place{})
		}
		g.places[count[k]].outlets[k] = g.st.m.newOutlet(s, pool)
		count[k]++
	}
}

// Connected lets media flow.
func (g *gallery) Connected() {
	g.st.lock()
	defer g.st.unlock()
	if !g.connect() {
		return
	}
	g.mem.gallery = g
	g.mem.succeed("SUBSCRIBE_ERROR", "")
	g.st.galleries[g] = struct{}{}
	g.arrange()
}

// Ended ends the gallery.
func (g *gallery) Ended(reason error) {
	g.st.lock()
	defer g.st.unlock()
	g.blame("SUBSCRIBE_ERROR", reason, "")
	g.ended(reason)
}

// shut is what the end means.
func (g *gallery) shut() {
	if g.mem.gallery == g {
		g.mem.gallery = nil
	}
	delete(g.st.galleries, g)
	for _, p := range g.places {
		g.clear(p, func(int) bool { return true })
	}
	g.tell()
	places := g.places
	g.st.defers(func() {
		for _, p := range places {
			for _, o := range p.outlets {
				if o != nil {
					o.close(g.st.m)
				}
			}
		}
	})
}

// want sets whom a member watches in its gallery.
func (mem *member) want(list []wish) {
	mem.wishes = list
	if mem.gallery != nil {
		mem.gallery.arrange()
	}
}

// wanted gives what a client wants of a participant, and in which place.
func (mem *member) wanted(remote string) (kinds [2]bool, rank int) {
	i := slices.IndexFunc(mem.wishes, func(w wish) bool { return w.remote == remote })
	if i < 0 {
		return kinds, i
	}
	return mem.wishes[i].kinds, i
}

// first gives what the picture of a participant is to begin with.
func (mem *member) first(remote string) sfu.First {
	if _, rank := mem.wanted(remote); rank >= 0 {
		return mem.wishes[rank].first
	}
	return sfu.Fitting
}

// reseat lets those who want to see a participant do so, if it can be seen now.
func (st *stage) reseat(participantID string) {
	for g := range st.galleries {
		if _, rank := g.mem.wanted(participantID); rank >= 0 {
			g.arrange()
		}
	}
}

// arrange takes places away from whom the client does not want any more, gives those their places who are wanted and can
// be seen, and tells the client. Whoever has a place keeps it.
func (g *gallery) arrange() {
	for _, p := range g.places {
		kinds, _ := g.mem.wanted(p.remote)
		g.clear(p, func(k int) bool { return !kinds[k] })
	}
	for _, w := range g.mem.wishes {
		f := g.st.feeds[w.remote]
		for _, k := range []int{index(rtc.Audio), index(rtc.Video)} {
			if g.lacks(w, k) {
				if p := g.find(w, k); p != nil {
					g.give(p, k, w.remote, f)
				}
			}
		}
	}
	g.tell()
}

// lacks says whether a kind of a participant is wanted, could be seen, and is not.
func (g *gallery) lacks(w wish, k int) bool {
	f := g.st.feeds[w.remote]
	return w.kinds[k] && f != nil && f.publisher != nil && g.placeOf(w.remote, k) == nil
}

// placeOf gives the place in which a kind of a participant is watched; nil if it is not.
func (g *gallery) placeOf(remote string, k int) *place {
	for _, p := range g.places {
		if p.remote == remote && p.watchers[k] != nil {
			return p
		}
	}
	return nil
}

// find gives a place for a kind of a participant: rather its own, then a free pair if both kinds are wanted and a
// free single outlet if not, then any that is free, each time the one that has been free for longest. nil: there is none.
func (g *gallery) find(w wish, k int) (best *place) {
	least := 3
	for _, p := range g.places {
		rank := 2
		switch {
		case p.outlets[k] == nil || p.watchers[k] != nil || p.remote != "" && p.remote != w.remote:
			continue
		case p.remote == w.remote:
			rank = 0
		case (p.outlets[1-k] != nil) == w.kinds[1-k]:
			rank = 1
		}
		if rank < least || rank == least && p.left < best.left {
			best, least = p, rank
		}
	}
	return best
}

// give lets a kind of a participant be watched in a place.
func (g *gallery) give(p *place, k int, remote string, f *feed) {
	g.number++
	w := &watcher{feed: f, viewer: g.mem, session: g.origin, number: g.number, lost: func() { g.lose(remote) }}
	w.outlets[k] = p.outlets[k]
	p.remote, p.watchers[k] = remote, w
	f.watchers[w] = struct{}{}
	pixels, first := g.mem.prefers[remote], g.mem.first(remote)
	g.st.defers(func() {
		w.bound(pixels)
		w.begin(first)
		f.wire(w)
	})
}

// clear takes kinds away from a place.
func (g *gallery) clear(p *place, gone func(k int) bool) {
	for k, w := range p.watchers {
		if w == nil || !gone(k) {
			continue
		}
		p.watchers[k] = nil
		if p.watchers[1-k] == nil {
			p.remote, p.left = "", g.number
		}
		delete(w.feed.watchers, w)
		g.st.tidy(w.feed)
		g.st.defers(func() { w.feed.unwire(w) })
	}
}

// lose takes the places of a participant away who is gone for good.
func (g *gallery) lose(remote string) {
	for _, p := range g.places {
		if p.remote == remote {
			g.clear(p, func(int) bool { return true })
		}
	}
	g.arrange()
}

// bound limits the size of a participant's picture.
func (g *gallery) bound(remote string, pixels int) {
	if p := g.placeOf(remote, index(rtc.Video)); p != nil {
		w := p.watchers[index(rtc.Video)]
		g.st.defers(func() { w.bound(pixels) })
	}
}

// tell writes down who is watched since the last time and who is not, ranks the pictures, and tells the client which place
// is whose. It comes before the media does.
func (g *gallery) tell() {
	var seen []string
	for _, w := range g.mem.wishes {
		if g.placeOf(w.remote, 0) != nil || g.placeOf(w.remote, 1) != nil {
			seen = append(seen, w.remote)
		}
	}
	st := g.st
	for _, remote := range g.seen {
		if !slices.Contains(seen, remote) {
			st.m.metrics.subscriptions.Dec()
			st.write(g.mem, "SUBSCRIBE_STOPPED", "", remote)
		}
	}
	for _, remote := range seen {
		if !slices.Contains(g.seen, remote) {
			g.mem.succeed("SUBSCRIBE_ERROR", remote)
			st.m.metrics.subscriptions.Inc()
			st.write(g.mem, "SUBSCRIBE_STARTED", "", remote)
		}
	}
	g.seen = seen
	if g.over {
		return
	}
	for _, p := range g.places {
		if o := p.outlets[index(rtc.Video)]; o != nil {
			if _, rank := g.mem.wanted(p.remote); rank >= 0 {
				o.down.Rank(rank)
			}
		}
	}
	if frame := encode("SLOTS", g.frame()); string(frame) != string(g.told) {
		g.told = frame
		if s := g.mem.socket; s != nil && st.roster.knows(s) {
			s.offer(frame)
		}
	}
}

// slotsFrame is the payload of SLOTS.
type slotsFrame struct {
	Session string      `json:"session"`
	Slots   []slotFrame `json:"slots"`
	Waiting []slotFrame `json:"waiting"`
}

// slotFrame says which m-section, if any, carries what of a participant.
type slotFrame struct {
	Mid           string `json:"mid,omitempty"`
	ParticipantID string `json:"participantId"`
	Kind          string `json:"kind"`
}

func (g *gallery) frame() slotsFrame {
	f := slotsFrame{Session: g.origin, Slots: []slotFrame{}, Waiting: []slotFrame{}}
	for _, p := range g.places {
		for k, w := range p.watchers {
			if w != nil {
				o := p.outlets[k]
				f.Slots = append(f.Slots, slotFrame{o.mid, p.remote, o.kind.String()})
			}
		}
	}
	for _, w := range g.mem.wishes {
		for _, k := range []rtc.Kind{rtc.Audio, rtc.Video} {
			if g.lacks(w, index(k)) {
				f.Waiting = append(f.Waiting, slotFrame{"", w.remote, k.String()})
			}
		}
	}
	return f
}
