package stage

import (
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// feed joins a participant's publications, one after the other, to those who watch it. It stays while the
// participant publishes or somebody waits for that.
//
// Which publication is the one is decided under stage.mu; wiring follows, under the feed's own lock, since
// attaching a crowd takes a while. Wiring may come in another order than the decisions, so decisions have
// numbers, and an older one never displaces a newer.
type feed struct {
	id string // of the participant

	// Guarded by stage.mu.
	publisher *publication   // nil: away
	standby   []*publication // of a redundant ingest, to take over
	watchers  map[*watcher]struct{}
	away      *time.Timer // runs while it is away and somebody waits
	menu      menu

	mu     sync.Mutex
	source *publication // whose media goes out; nil: nobody's
	latest uint64       // the highest number of a decision that was wired
	wired  map[*watcher]struct{}
	copies map[*publication]*feed // on other stages, which show the same; their feeds' locks come after this one's
}

// feed gives a participant's feed.
func (st *stage) feed(participantID string) *feed {
	f := st.feeds[participantID]
	if f == nil {
		f = &feed{id: participantID, watchers: map[*watcher]struct{}{}, wired: map[*watcher]struct{}{}, copies: map[*publication]*feed{}}
		st.feeds[participantID] = f
	}
	return f
}

// tidy forgets a feed that nobody needs. Media that is still being wired to it reaches nobody.
func (st *stage) tidy(f *feed) {
	if len(f.watchers) == 0 && f.publisher == nil && !st.pending(st.members[f.id]) && !st.replicating(f.id) {
		if f.away != nil {
			f.away.Stop()
			f.away = nil
		}
		if st.feeds[f.id] == f {
			delete(st.feeds, f.id)
		}
	}
}

// miss gives a publisher that is away some time to come back before those who watch it are sent away.
func (st *stage) miss(f *feed) {
	if f.away != nil || len(f.watchers) == 0 || st.over {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(st.m.d.Away, func() {
		st.lock()
		defer st.unlock()
		if f.away == timer {
			f.away = nil
			st.abandon(f)
		}
	})
	f.away = timer
}

// back is for a publisher that is there, again or for the first time.
func (f *feed) back(p *publication) {
	if f.away != nil {
		f.away.Stop()
		f.away = nil
	}
	f.lead(p)
	p.st.reseat(f.id)
}

// abandon sends away all who watch a feed.
func (st *stage) abandon(f *feed) {
	for w := range f.watchers {
		w.lost()
	}
	st.tidy(f)
}

// take makes a publication the source.
func (f *feed) take(p *publication, number uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.dropped || number <= f.latest {
		return
	}
	f.latest = number
	if f.source == p {
		return
	}
	f.source = p
	f.rewire(rtc.Video)
	f.rewire(rtc.Audio)
}

// bring adds a track to a publication, in the place of an earlier one of the same encoding.
func (f *feed) bring(p *publication, e encoding, up *sfu.Up) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ups := &p.st.m.metrics.ups
	if p.dropped {
		ups.remove(up)
		up.Close()
		return
	}
	s := p.sources[index(e.kind)]
	if s == nil {
		s = sfu.NewSource()
		p.set(e.kind, s)
	}
	if p.ups == nil {
		p.ups = map[encoding]*sfu.Up{}
	}
	old := p.ups[e]
	if old != nil {
		ups.remove(old)
	}
	p.ups[e] = up
	if !s.Add(up, old) {
		ups.remove(up)
	}
	if f.source == p {
		f.rewire(e.kind)
	}
}

// drop ends a publication's tracks.
func (f *feed) drop(p *publication) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.dropped = true
	if f.source == p {
		f.source = nil
		f.rewire(rtc.Video)
		f.rewire(rtc.Audio)
	}
	if p.replica == nil { // else its sources are another stage's
		for _, up := range p.ups {
			p.st.m.metrics.ups.remove(up)
		}
		for _, s := range p.sources {
			if s != nil {
				s.Close()
			}
		}
	}
	p.set(rtc.Video, nil)
	p.set(rtc.Audio, nil)
	p.ups = nil
}

// wire shows a watcher whatever the source has, now and later.
func (f *feed) wire(w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.unwired {
		return
	}
	f.wired[w] = struct{}{}
	for k := range w.outlets {
		w.show(k, f.shown(k))
	}
}

// unwire shows a watcher nothing any more.
func (f *feed) unwire(w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.unwired = true
	delete(f.wired, w)
	for k := range w.outlets {
		w.show(k, nil)
	}
}

func (f *feed) rewire(k rtc.Kind) {
	s := f.shown(index(k))
	for w := range f.wired {
		w.show(index(k), s)
	}
	for p, other := range f.copies {
		other.show(p, k, s)
	}
}

// copyTo makes a publication of another stage show what the source has, now and later.
func (f *feed) copyTo(p *publication, other *feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.copies[p] = other
	for _, k := range []rtc.Kind{rtc.Video, rtc.Audio} {
		other.show(p, k, f.shown(index(k)))
	}
}

func (f *feed) uncopy(p *publication) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.copies, p)
}

// show gives a replica's publication what its source shows; nil takes it away.
func (f *feed) show(p *publication, k rtc.Kind, s *sfu.Source) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.dropped || p.sources[index(k)] == s {
		return
	}
	p.set(k, s)
	if f.source == p {
		f.rewire(k)
	}
}

// set makes a Source what a publication has of a kind, with its feed's lock held.
func (p *publication) set(k rtc.Kind, s *sfu.Source) {
	p.sources[index(k)] = s
	if k == rtc.Audio {
		p.sound.Store(s)
	} else {
		p.picture.Store(s)
	}
}

// shown gives what those who watch are to see or hear; nil: nothing.
func (f *feed) shown(i int) *sfu.Source {
	if f.source == nil {
		return nil
	}
	return f.source.sources[i]
}
