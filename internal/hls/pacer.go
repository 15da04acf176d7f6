package hls

import "math"

// pacer learns how long a video frame lasts. Timestamps are whole milliseconds, so it takes the mean of
// a run of frames that came at one pace.
type pacer struct {
	sum      ticks // of the run's frames
	n        ticks
	regular  int     // how many frames in a row came as expected
	declared float64 // frames per second, 0 if the encoder says nothing
}

const (
	steadyAfter = 3
	longAfter   = 64 // what one frame that is off changes then cannot be told from jitter
	longRun     = 4096
)

func newPacer(declared float64) pacer {
	if declared < 1 || declared > 300 {
		return pacer{}
	}
	return pacer{sum: ticks(float64(second)/declared + 0.5), n: 1, regular: steadyAfter, declared: declared}
}

// step takes the time from one frame to the next.
func (p *pacer) step(delta ticks) {
	if delta <= 0 { // no pace at all: a frame's time is never zero once it is known
		p.sum, p.n, p.regular = 0, 0, 0
		return
	}
	frame := p.frame()
	if off := delta - frame; p.n == 0 || max(off, -off) > jitter+frame/16 {
		p.sum, p.n, p.regular = delta, 1, 0
		return
	}
	if p.n == longRun {
		p.sum, p.n = p.sum/2, p.n/2
	}
	p.sum += delta
	p.n++
	p.regular++
}

// steady tells whether the next frame is sure to come a frame's time after the last.
func (p *pacer) steady() bool { return p.regular >= steadyAfter }

// settled tells whether the mean is that of many frames.
func (p *pacer) settled() bool { return p.steady() && p.n >= longAfter }

// frame is how long a frame lasts, 0 while that is unknown.
func (p *pacer) frame() ticks {
	if p.n == 0 {
		return 0
	}
	return (p.sum + p.n/2) / p.n
}

// perSecond is the frame rate, 0 while that is unknown: what the encoder declared if that is about
// right, or the usual rate that is within the error of the measurement.
func (p *pacer) perSecond() float64 {
	if p.n == 0 || p.sum <= 0 {
		return 0
	}
	measured := float64(second) * float64(p.n) / float64(p.sum)
	if math.Abs(measured-p.declared) < measured/50 {
		return p.declared
	}
	for _, rate := range []float64{60, 30, 25, 50, 24, 20, 15, 60000. / 1001, 30000. / 1001, 24000. / 1001} {
		if math.Abs(measured-rate) <= rate*float64(jitter)/float64(p.sum) {
			return rate
		}
	}
	return math.Round(measured*100) / 100
}
