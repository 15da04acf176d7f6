package stage

import (
	"sync"

	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// watcher is to whom a feed shows its participant.
type watcher struct {
	feed    *feed
	viewer  *member    // who watches
	session string     // what its client knows the session by
	outlets [2]*outlet // by kind; nil: that is not watched. Set with stage.mu held, before it is wired
	number  uint64     // among the watchers of its outlets
	lost    func()     // what it means that the publisher is gone for good; called with stage.mu held

	told layersTold // guarded by stage.mu

	unwired bool // guarded by feed.mu
}

func (w *watcher) show(k int, s *sfu.Source) {
	if o := w.outlets[k]; o != nil {
		o.use(w.number, func(d *sfu.Down) { d.Follow(s) })
	}
}

// bound limits the size of the picture.
func (w *watcher) bound(pixels int) {
	if o := w.outlets[index(rtc.Video)]; o != nil {
		o.use(w.number, func(d *sfu.Down) { d.Prefer(pixels) })
	}
}

// begin says which size the picture is to begin with.
func (w *watcher) begin(first sfu.First) {
	if o := w.outlets[index(rtc.Video)]; o != nil {
		o.use(w.number, func(d *sfu.Down) { d.BeginWith(first) })
	}
}

// outlet is one outgoing track, which goes from one watcher to the next. What is done with it may come in another
// order than it was decided in, so its watchers have numbers: what is left of an earlier one changes nothing.
type outlet struct {
	kind rtc.Kind
	mid  string
	down *sfu.Down

	mu     sync.Mutex
	number uint64 // of the latest watcher
}

// newOutlet makes a Down of a sender; pool is of the pictures that it shares its line with, or nil.
func (m *Manager) newOutlet(s rtc.Sender, pool *sfu.Pool) *outlet {
	o := &outlet{kind: s.Kind(), mid: s.Mid()}
	options := sfu.DownOptions{Kind: kindOf(s.Kind()), Line: s, Now: m.now}
	if o.kind == rtc.Video {
		options.Pool = pool
	}
	o.down = sfu.NewDown(options, s)
	s.Feedback(o.down.Nack, o.down.KeyFrame)
	m.metrics.downs.add(o.down)
	return o
}

func (o *outlet) use(number uint64, do func(*sfu.Down)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if number >= o.number {
		o.number = number
		do(o.down)
	}
}

// close ends the track; nothing is written any more once it has returned.
func (o *outlet) close(m *Manager) {
	o.down.Close()
	m.metrics.downs.remove(o.down)
}
