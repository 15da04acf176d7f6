package channel

import (
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// coach watches what one encoder sends and finds what it should do otherwise. It knows nothing but the
// frames: their own times, when they arrived, and how large they are. It judges the best rendition and the
// sound, in windows of five seconds of media; what it finds has to hold for some windows before it is said,
// and to be gone for some before it is taken back.
//
// note allocates nothing. All methods may be called from any goroutine.
type coach struct {
	channelType string

	mu       sync.Mutex
	verdicts [adviceCodes]verdict
	changes  uint64 // grows with each change of a verdict
	said     uint64 // of changes, as far as events were written

	video, audio *media.Track // as last seen

	began     bool      // there was a key frame since the encoder came, or its clock jumped
	origin    time.Time // when media of DTS zero came, going by that frame
	w         window
	last      time.Duration // DTS of the last picture
	shown     time.Duration // the highest PTS so far
	lastKey   time.Duration // DTS of the last key frame
	heard     bool          // there was sound
	lastSound time.Duration // its DTS
	gaps      ring          // between key frames, in seconds
	rates     ring          // of the picture, bits per second of media, a window each
	sound     ring          // of the sound
	lags      ring          // how late the earliest frame of each window was, in seconds
	dropouts  uint32        // a bit for each window, set if the sound had holes; the lowest is the newest
}

const (
	coachWindow = 5 * time.Second // of media
	clockJump   = 10 * time.Second
)

// window is what is measured in five seconds of media.
type window struct {
	from       time.Duration // DTS of its first picture
	arrived    time.Time     // of that picture
	pictures   int
	reordered  int // shown before one that came earlier
	keys       int
	longestGap time.Duration // between key frames, of those that ended here
	steps      [512]uint16   // pictures by milliseconds since the one before; the last holds all longer ones
	videoBytes int64
	audioBytes int64
	sounds     int
	holes      int           // in the sound
	lag        time.Duration // of its earliest picture, against what the first of all let expect
}

// ring holds the newest of some numbers.
type ring struct {
	values [13]float64
	n      int // how many there were
}

func (r *ring) add(v float64) { r.values[r.n%len(r.values)] = v; r.n++ }

// ago gives the number that came i before the newest; not ok if it is not known any more.
func (r *ring) ago(i int) (v float64, ok bool) {
	if i >= r.n || i >= len(r.values) {
		return 0, false
	}
	return r.values[(r.n-1-i)%len(r.values)], true
}

// spread gives the least and the most of the newest n numbers; not ok if there are fewer.
func (r *ring) spread(n int) (least, most float64, ok bool) {
	for i := range n {
		v, ok := r.ago(i)
		if !ok {
			return 0, 0, false
		}
		if i == 0 {
			least, most = v, v
		}
		least, most = min(least, v), max(most, v)
	}
	return least, most, true
}

// verdict is what the coach thinks of one thing.
type verdict struct {
	on        bool
	since     time.Time // when it was last said or taken back
	value     float64   // what was measured, in the unit of the advice's words
	bad, good int       // windows in a row that speak for it, or against
}

// settle hears one window's finding. A window that is neither good nor bad speaks for nothing.
func (c *coach) settle(code AdviceCode, bad, good bool, needBad, needGood int, value float64, now time.Time) {
	v := &c.verdicts[code]
	switch {
	case bad:
		v.bad, v.good = v.bad+1, 0
		v.value = value
	case good:
		v.bad, v.good = 0, v.good+1
	default:
		v.bad, v.good = 0, 0
	}
	if !v.on && v.bad >= needBad || v.on && v.good >= needGood {
		v.on, v.since = !v.on, now
		c.changes++
	}
}

func newCoach(channelType string) *coach { return &coach{channelType: channelType} }

// begin forgets what was measured: another encoder sends now, or the same one anew. What was said stands until
// the frames speak against it.
func (c *coach) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restart()
	for i := range c.verdicts {
		c.verdicts[i].bad, c.verdicts[i].good = 0, 0
	}
}

func (c *coach) restart() {
	c.began, c.heard = false, false
	c.gaps, c.rates, c.sound, c.lags, c.dropouts = ring{}, ring{}, ring{}, ring{}, 0
}

// note watches frames, in the order of their coming.
func (c *coach) note(frames []*media.Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range frames {
		switch {
		case f.Track.ID == media.FirstVideo:
			c.picture(f)
		case f.Track.Kind == media.Audio && (c.audio == nil || f.Track.ID == c.audio.ID):
			c.soundFrame(f)
		}
	}
}

func (c *coach) picture(f *media.Frame) {
	c.video = f.Track
	if c.began && (f.DTS < c.last || f.DTS > c.last+clockJump) {
		c.restart()
	}
	if !c.began {
		if !f.Key {
			return
		}
		c.began = true
		c.last, c.lastKey, c.shown, c.origin = f.DTS, f.DTS, f.PTS, f.Arrived.Add(-f.DTS)
		c.open(f)
	} else {
		step := f.DTS - c.last
		c.w.steps[min((step+time.Millisecond/2)/time.Millisecond, time.Duration(len(c.w.steps)-1))]++
		if f.PTS < c.shown {
			c.w.reordered++
		}
		if f.Key {
			gap := f.DTS - c.lastKey
			c.gaps.add(gap.Seconds())
			c.w.longestGap = max(c.w.longestGap, gap)
			c.lastKey = f.DTS
		}
		if f.DTS-c.w.from >= coachWindow {
			c.judge(f)
			c.open(f)
		}
	}
	c.last, c.shown = f.DTS, max(c.shown, f.PTS)
	c.w.pictures++
	if f.Key {
		c.w.keys++
	}
	c.w.videoBytes += int64(len(f.Payload))
	c.w.lag = min(c.w.lag, c.lag(f))
}

func (c *coach) lag(f *media.Frame) time.Duration { return f.Arrived.Sub(c.origin) - f.DTS }

// open begins a window with its first picture.
func (c *coach) open(f *media.Frame) { c.w = window{from: f.DTS, arrived: f.Arrived, lag: c.lag(f)} }

func (c *coach) soundFrame(f *media.Frame) {
	if c.audio = f.Track; !c.began {
		return
	}
	if c.heard && f.DTS-c.lastSound > audibleHole && f.DTS-c.lastSound < clockJump {
		c.w.holes++
	}
	c.heard, c.lastSound = true, f.DTS
	c.w.sounds++
	c.w.audioBytes += int64(len(f.Payload))
}

// changed tells whether there is anything that was not said yet, and what number to give to told once it is.
func (c *coach) changed() (number uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes, c.changes != c.said
}

// told takes note that all up to a number was said.
func (c *coach) told(number uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = max(c.said, number)
}
