package sfu

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"
)

// Pool divides what one subscriber's line has for pictures among several of them, a Down each. Every picture gets its smallest
// encoding, whatever there is. With what is left, each is raised by one encoding, in the order of their ranks, then each by
// another one, as long as there is room. Pictures of one encoding take what they take.
type Pool struct {
	mu     sync.Mutex
	shares []*share // in the order of their ranks
}

// NewPool makes a Pool of no Downs; DownOptions name it.
func NewPool() *Pool { return &Pool{} }

// claimLasts is for how long a claim is good: those whose publisher has fallen silent make none.
const claimLasts = time.Second

// share is one Down's part of a Pool.
type share struct {
	pool *Pool
	line Line
	flow flow // what goes out, all told

	// Guarded by pool.mu.
	rank  int
	claim claim
	given int // index of the encoding that there is room for
}

// claim is what one of several encodings could use.
type claim struct {
	at    time.Time      // when it was made; zero: there is but one encoding
	needs [MaxLayers]int // bit/s, of each encoding from the smallest on; unknown for one that cannot be given
	count int            // how many may be given now
	want  int            // bit/s, what there would be a use for
}

const unknown = -1

// join adds a share, behind all others.
func (p *Pool) join(l Line) *share {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &share{pool: p, line: l, rank: math.MaxInt}
	p.shares = append(p.shares, s)
	return s
}

func (p *Pool) leave(s *share) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares = slices.DeleteFunc(p.shares, func(one *share) bool { return one == s })
}

// Rank says in which place the Down's picture is raised, among those of its Pool: the least is first.
func (d *Down) Rank(rank int) {
	s := d.share
	if s == nil {
		return
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.rank = rank
	slices.SortStableFunc(s.pool.shares, func(a, b *share) int { return cmp.Compare(a.rank, b.rank) })
}

// rest says that the Down has no source any more.
func (s *share) rest() {
	s.pool.mu.Lock()
	s.claim = claim{}
	s.pool.mu.Unlock()
	s.flow.forget()
}

// room gives how much there is for a picture that claims.
func (s *share) room(now time.Time, c claim) int {
	p := s.pool
	p.mu.Lock()
	s.claim = c
	want := 0
	for _, one := range p.shares {
		want += one.want(now)
	}
	p.mu.Unlock()
	room := math.MaxInt
	if s.line != nil {
		room = s.line.Room(now, want) // with no lock of ours held: it may send
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.divide(now, room)
	return s.claim.needs[s.given]
}

// divide gives each share its encoding.
func (p *Pool) divide(now time.Time, room int) {
	for _, s := range p.shares {
		s.given = 0
		room -= s.least(now)
	}
	for step := 1; step < MaxLayers; step++ {
		for _, s := range p.shares {
			if !s.claims(now) || step >= s.claim.count || s.claim.needs[step] == unknown {
				continue
			}
			more := max(s.claim.needs[step]-max(s.claim.needs[s.given], 0), 0)
			if more <= room {
				s.given = step
				room -= more
			}
		}
	}
}

func (s *share) claims(now time.Time) bool {
	return s.claim.count > 0 && now.Sub(s.claim.at) < claimLasts
}

// least is what a share takes at least.
func (s *share) least(now time.Time) int {
	switch {
	case s.claims(now):
		return max(s.claim.needs[0], 0)
	case s.flow.alive(now):
		return need(s.flow.bitrate(), 0)
	}
	return 0
}

func (s *share) want(now time.Time) int {
	if s.claims(now) {
		return s.claim.want
	}
	return s.least(now)
}
