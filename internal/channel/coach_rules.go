package channel

import (
	"math"
	"math/bits"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// AdviceCode names one thing that an encoder should do otherwise.
type AdviceCode int

const (
	BFrames AdviceCode = iota
	LongKeyframeInterval
	IrregularKeyframeInterval
	VariableFrameRate
	ClockDrift
	FallingBehind
	MissingAudio
	AudioDropouts
	LowAudioBitrate
	LowVideoBitrate
	UnsteadyVideoBitrate
	HighVideoBitrate
	LargePicture
	adviceCodes
)

// String gives the code as the API and events have it, such as "LongKeyframeInterval".
func (a AdviceCode) String() string {
	return [...]string{
		"BFrames", "LongKeyframeInterval", "IrregularKeyframeInterval", "VariableFrameRate", "ClockDrift", "FallingBehind", "MissingAudio",
		"AudioDropouts", "LowAudioBitrate", "LowVideoBitrate", "UnsteadyVideoBitrate", "HighVideoBitrate", "LargePicture",
	}[a]
}

// Severity says whether viewers notice.
type Severity string

const (
	Warning Severity = "WARNING" // they do, or soon will
	Hint    Severity = "HINT"    // it could be better
)

// Severity tells how bad it is.
func (a AdviceCode) Severity() Severity {
	switch a {
	case BFrames, IrregularKeyframeInterval, LowAudioBitrate, LowVideoBitrate, UnsteadyVideoBitrate:
		return Hint
	}
	return Warning
}

// From what on something is worth saying. AWS recommends a key frame each two seconds, and wants sound of at
// least 96 kbit/s.
const (
	longestKeyframes = 4050 * time.Millisecond // a target duration, and a little of what clocks of milliseconds do
	wishedKeyframes  = 2500 * time.Millisecond
	audibleHole      = 150 * time.Millisecond // the longest frame of Opus is 120 ms
	leastSound       = 92_000                 // bits per second; encoders that are set to 96k announce a little less
	driftOf          = 0.003                  // of clocks against ours: a thousand times the quartz's own
	driftWindows     = 6                      // half a minute, and then another
)

// judge closes a window: next is the first picture after it.
func (c *coach) judge(next *media.Frame) {
	w, now := &c.w, next.Arrived
	took := (next.DTS - w.from).Seconds()
	video, audio := float64(w.videoBytes)*8/took, float64(w.audioBytes)*8/took
	c.rates.add(video)

	c.settle(BFrames, w.reordered >= 2, w.reordered == 0, 1, 2, float64(w.reordered), now)
	c.judgeKeyframes(next, now)
	c.judgeSteps(now)
	c.judgeClock(next, now)
	c.judgeSound(audio, now)
	c.judgeSize(video, now)
}

func (c *coach) judgeKeyframes(next *media.Frame, now time.Time) {
	gap := max(c.w.longestGap, next.DTS-c.lastKey)
	long := gap > longestKeyframes
	complete, _ := c.gaps.ago(0)
	c.settle(LongKeyframeInterval, long, !long && c.w.keys > 0, 2, 2, max(gap.Seconds(), complete), now)
	least, most, ok := c.gaps.spread(4)
	uneven := ok && !long && most > wishedKeyframes.Seconds() && least < most/2
	c.settle(IrregularKeyframeInterval, uneven, !uneven, 2, 3, most, now)
}

// judgeSteps looks for pictures that do not follow each other as most do.
func (c *coach) judgeSteps(now time.Time) {
	n, median := 0, 0
	for _, k := range c.w.steps {
		n += int(k)
	}
	for i, sum := 0, 0; i < len(c.w.steps); i++ {
		if sum += int(c.w.steps[i]); 2*sum >= n {
			median = i
			break
		}
	}
	if n < 10 {
		return
	}
	odd, tolerance := 0, max(4, median*2/5)
	for i, k := range c.w.steps {
		if i < median-tolerance || i > median+tolerance {
			odd += int(k)
		}
	}
	share := float64(odd) / float64(n)
	c.settle(VariableFrameRate, share > 0.10, share < 0.04, 3, 3, share*100, now)
}

// judgeClock compares the time of media with ours: by whole windows for an encoder, or a line, that does not
// keep up, and by the earliest frames of a minute for a clock that runs wrong.
func (c *coach) judgeClock(next *media.Frame, now time.Time) {
	took := max(next.Arrived.Sub(c.w.arrived), time.Millisecond)
	share := (next.DTS - c.w.from).Seconds() / took.Seconds()
	c.settle(FallingBehind, share < 0.9, share > 0.97, 2, 2, share*100, now)

	if share < 0.9 || share > 1.1 { // a line that stops and catches up says nothing of clocks
		c.lags = ring{}
	}
	c.lags.add(c.w.lag.Seconds())
	before, _ := c.lags.ago(2 * driftWindows)
	between, _ := c.lags.ago(driftWindows)
	newest, _ := c.lags.ago(0)
	const half = driftWindows * float64(coachWindow) / float64(time.Second)
	first, second := (between-before)/half, (newest-between)/half
	known := c.lags.n > 2*driftWindows
	drifts := known && min(math.Abs(first), math.Abs(second)) > driftOf && first*second > 0
	c.settle(ClockDrift, drifts, known && math.Abs(first+second)/2 < driftOf/2, 2, 2, (first+second)/2*100, now)
}

func (c *coach) judgeSound(rate float64, now time.Time) {
	missing := c.w.sounds == 0
	c.settle(MissingAudio, missing, !missing, 2, 1, 0, now)
	if missing || c.audio == nil {
		return
	}
	c.dropouts <<= 1
	if c.w.holes > 0 {
		c.dropouts |= 1
	}
	lately := bits.OnesCount32(c.dropouts & 0xfff) // windows of the last minute
	c.settle(AudioDropouts, lately >= 3, c.dropouts&0x3f == 0, 1, 1, float64(lately), now)

	c.sound.add(rate)
	low := false
	switch announced := float64(c.audio.Bitrate); {
	case c.audio.Codec != media.AAC: // Opus sounds well with less
	case announced > 0:
		low, rate = announced < leastSound, announced
	default: // an encoder may save bits where it is quiet: only half a minute says something
		_, most, ok := c.sound.spread(6)
		low, rate = ok && most < leastSound, most
	}
	c.settle(LowAudioBitrate, low, !low, 3, 2, rate, now)
}

func (c *coach) judgeSize(rate float64, now time.Time) {
	announced := float64(c.video.Bitrate)
	c.settle(LowVideoBitrate, rate < 0.35*announced, rate > 0.5*announced, 3, 2, rate, now)
	unsteady := c.unsteadiness()
	c.settle(UnsteadyVideoBitrate, unsteady > 0.6 && !c.verdicts[LongKeyframeInterval].on, unsteady < 0.4, 3, 3, rate, now)
	limit := float64(c.limit())
	c.settle(HighVideoBitrate, rate > limit, rate < 0.97*limit, 2, 2, rate, now)
	_, large := tooLarge([]*media.Track{c.video})
	c.settle(LargePicture, large, !large, 1, 1, 0, now)
}

// limit is what the channel's type takes of the picture, in bits per second.
func (c *coach) limit() int64 { return bitrateLimit(c.channelType, []*media.Track{c.video}) }

// unsteadiness is the standard deviation of the bitrates of a minute by their mean; zero before there is a minute.
func (c *coach) unsteadiness() float64 {
	const n = 12
	var sum, squares float64
	for i := range n {
		rate, ok := c.rates.ago(i)
		if !ok {
			return 0
		}
		sum += rate
		squares += rate * rate
	}
	mean := sum / n
	if mean == 0 {
		return 0
	}
	return math.Sqrt(max(0, squares/n-mean*mean)) / mean
}
