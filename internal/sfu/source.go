package sfu

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery is how often a Source's Downs think over which encoding they want.
const lookEvery = 100 * time.Millisecond

// MaxLayers is how many encodings a Source can have.
const MaxLayers = 3

// Source is what one publisher shows or says: one Up, or several encodings of one picture (simulcast, RFC 8853),
// an Up each. The Ups of one Source are written to by one goroutine.
type Source struct {
	looked  time.Time    // of Write's goroutine
	resumed atomic.Int64 // when the whole publisher last began again after a silence, in Unix nanoseconds
	turns   atomic.Uint64

	mu     sync.Mutex // for changing what follows
	closed bool
	ups    atomic.Pointer[[]*Up]
	downs  atomic.Pointer[[]*Down] // that follow
}

// NewSource makes a Source that has nothing to show yet.
func NewSource() *Source {
	s := &Source{}
	s.ups.Store(new([]*Up))
	s.downs.Store(new([]*Down))
	return s
}

// Add adds an encoding, in the place of old if that is not nil, which is closed. It is false, and u closed, if
// the Source is closed or has MaxLayers already.
func (s *Source) Add(u, old *Up) bool {
	s.mu.Lock()
	list := slices.DeleteFunc(slices.Clone(*s.ups.Load()), func(one *Up) bool { return one == old })
	full := s.closed || len(list) == MaxLayers
	now := u.opts.Now()
	if !full {
		list = append(list, u)
		if s.ups.Store(&list); len(list) > 1 {
			for _, one := range list {
				if one.source.Swap(s) == nil {
					one.flow.last.Store(now.UnixNano())
				}
			}
		}
	}
	s.mu.Unlock()
	if full {
		u.Close()
		return false
	}
	if old != nil {
		old.Close()
	}
	for _, d := range *s.downs.Load() {
		d.choose(now)
	}
	return true
}

// Close closes all Ups.
func (s *Source) Close() {
	s.mu.Lock()
	s.closed = true
	list := *s.ups.Swap(new([]*Up))
	s.mu.Unlock()
	for _, u := range list {
		u.Close()
	}
}

// Ups gives the encodings, in the order of their coming. The list is the caller's to read only.
func (s *Source) Ups() []*Up { return *s.ups.Load() }

// Bitrate is how much all encodings together bring, in bit/s. It is measured where there is more than one.
func (s *Source) Bitrate(now time.Time) (sum int) {
	for _, u := range s.Ups() {
		if u.flow.alive(now) {
			sum += u.flow.bitrate()
		}
	}
	return sum
}

// look lets all Downs that follow think over what they want, now and then. After a silence of the whole
// publisher it waits a while: which encodings have stopped shows only then.
func (s *Source) look(now time.Time) {
	passed := now.Sub(s.looked)
	if passed < lookEvery {
		return
	}
	if passed > silence/2 && !s.looked.IsZero() {
		s.resumed.Store(now.UnixNano())
	}
	if s.looked = now; now.UnixNano()-s.resumed.Load() < int64(silence) {
		return
	}
	for _, d := range *s.downs.Load() {
		d.choose(now)
	}
}

func (s *Source) add(d *Down) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.downs.Load()
	downs := append(append(make([]*Down, 0, len(old)+1), old...), d)
	s.downs.Store(&downs)
}

func (s *Source) remove(d *Down) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.downs.Load()
	if i := slices.Index(old, d); i >= 0 {
		downs := slices.Concat(old[:i], old[i+1:])
		s.downs.Store(&downs)
	}
}
