package rtc

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/bwe"
)

// line is what is known of the way to one subscriber. It measures only once somebody wants to know how much room
// there is: a publisher whose picture has one encoding costs nothing more. A client that tells of each
// packet's arrival (transport-cc) is judged by that, with trains on a repair stream where it has one; another one by
// the loss in its receiver reports, and what it says itself (REMB).
type line struct {
	now func() time.Time
	on  atomic.Bool

	mu    sync.Mutex
	told  bool      // the client is to tell of each packet
	begun time.Time // when it was first measured
	asked time.Time // when somebody last wanted to know
	est   *bwe.Estimator
	guess guess
	sound meter
}

const (
	// wireOverhead is what IP and UDP add to a packet, in bytes.
	wireOverhead = 28
	// soundRoom is left for the sound before it is known what that takes, in bit/s.
	soundRoom = 40_000
	// uninteresting is how long nobody has wanted to know when measuring ends.
	uninteresting = 5 * time.Second
	// patientFor is how long a client that has said it would tell of each packet may take to begin.
	patientFor = 3 * time.Second
	// paceFactor is how fast pictures go to a narrow line, in percent of what it is estimated to carry: what is estimated too low
	// is not to hold them up.
	paceFactor = 150
)

// room gives what is left for pictures when the sound has its share, in bit/s. want is what there would be a use
// for; if that is more, it is found out now and then whether the line has it: then a train is due, by whoever asks and can send one.
func (l *line) room(now time.Time, want int, trains bool) (left int, train bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.est == nil && l.told {
		l.est, l.begun = bwe.New(now), now
	}
	l.asked = now
	l.on.Store(l.told)
	sound := max(l.sound.rate(now), soundRoom)
	var rate int
	if l.told && (l.est.Heard() || now.Sub(l.begun) < patientFor) {
		rate = l.est.Rate(now)
		train = trains && l.est.TrainDue(now, want+sound)
	} else {
		rate = l.guess.rate(want + sound)
	}
	return max(rate-sound, 0), train
}

// spread gives how fast pictures are to go, bytes/s: a little faster than the line carries them. 0: at once, since it is not known to be
// narrow.
func (l *line) spread(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.told || l.est == nil || !l.est.Narrow(now) {
		return 0
	}
	return l.est.Rate(now) * paceFactor / 100 / 8
}

// stamp takes note of a packet that goes out, and gives its number.
func (l *line) stamp(k Kind, size int, wait time.Duration) uint16 {
	now := l.now().Add(wait)
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.asked) > uninteresting {
		l.on.Store(false)
		l.est.Rest()
	}
	if k == Audio {
		l.sound.add(size, now)
	}
	return l.est.Sent(now, size+wireOverhead)
}

// feedback takes what a client says of arrivals: what follows the SSRCs of a transport feedback.
func (l *line) feedback(b []byte, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.est == nil {
		return nil
	}
	return l.est.Feedback(b, now)
}

// lost takes the share of a picture's packets that a client has lost, of 256 (RFC 3550 §6.4.1).
func (l *line) lost(share uint8) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guess.lost(share)
}

// bound takes what a client says of its line (REMB), in bit/s.
func (l *line) bound(bps float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.guess.bound = bps
}

// guess is what a line is taken to carry whose client does not tell of each packet. It grows with each receiver report
// without loss and shrinks with one that has much (as in draft-ietf-rmcat-gcc-02 §6), up to a little more than there is a use
// for: the larger picture itself is what tries it.
type guess struct {
	bps, bound, want float64
}

func (g *guess) lost(share uint8) {
	g.begin()
	switch loss := float64(share) / 256; {
	case loss > 0.1:
		g.bps *= 1 - loss/2
	case loss < 0.02:
		g.bps = max(g.bps, min(1.25*g.bps, 1.1*g.want))
	}
	g.bps = max(g.bps, bwe.Min)
}

func (g *guess) begin() {
	if g.bps == 0 {
		g.bps = bwe.Start
	}
}

func (g *guess) rate(want int) int {
	g.begin()
	g.want = float64(want)
	if g.bound > 0 {
		return int(min(g.bps, g.bound))
	}
	return int(g.bps)
}

// meter measures over windows of a second.
type meter struct {
	since time.Time
	bytes int
	last  int // bit/s
}

func (m *meter) add(n int, now time.Time) {
	m.turn(now)
	m.bytes += n + wireOverhead
}

func (m *meter) rate(now time.Time) int {
	m.turn(now)
	return m.last
}

func (m *meter) turn(now time.Time) {
	if took := now.Sub(m.since); took >= time.Second {
		m.last = int(float64(8*m.bytes) / took.Seconds())
		m.since, m.bytes = now, 0
	}
}
