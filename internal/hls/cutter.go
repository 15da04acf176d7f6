package hls

import "time"

// How parts and segments are cut. Players count on a part being no longer than PART-TARGET (0.35 s) and,
// unless it is a segment's last, no shorter than 85 % of it. Up to partMax, and a millisecond of jitter
// more, parts end between two video frames; where the frames do not allow that they end by the clock,
// inside a frame's time.
const (
	partMin     = second * 2975 / 10000
	partMax     = 340 * millisecond
	jitter      = 2 * millisecond
	segmentMin  = 900 * millisecond // between key frames that begin segments
	segmentMax  = targetDuration
	segmentOver = 20 * millisecond // 120 frames at 29.97 fps are 4.004 s
	startUp     = 950 * millisecond
	overdue     = second / 2 // how long the audio clock waits for video
	sampleCost  = 64         // bytes a sample takes up until its part is written, besides its payload
)

// cutter collects samples and cuts them into parts and segments.
type cutter struct {
	window  *Window
	session *session

	pending, sound []sample // of the open part; video's last duration is not known yet
	bytes          int      // what they take up
	partStart      ticks
	segStart       ticks
	independent    bool // the open segment begins with a key frame
	begun          bool // the open segment has video, or a part
	early          int  // short segments still to make at the start of a stream
	startAt        ticks
	arrived        time.Time

	lastDTS ticks // of the last video frame, as the encoder said
	rate    pacer
}

// start begins a session at t. A window without a segment gets two short ones first, since players do
// not start before there is one.
func (c *cutter) start(t ticks, frameRate float64) {
	if c.window.empty() {
		c.early = 2
	}
	c.startAt = t
	c.rate = newPacer(frameRate)
	c.restart(t)
}

// restart continues at t after a jump; nothing is pending.
func (c *cutter) restart(t ticks) {
	c.partStart, c.segStart, c.begun = t, t, false
	c.lastDTS = -1
}

// pace tells when the next video frame is to be decoded.
func (c *cutter) pace(dts ticks) {
	if c.lastDTS >= 0 {
		c.rate.step(dts - c.lastDTS)
	}
	c.lastDTS = dts
}

func (c *cutter) frameTime() ticks { return c.rate.frame() }

func (c *cutter) lastVideo() *sample {
	if len(c.pending) == 0 {
		return nil
	}
	return &c.pending[len(c.pending)-1]
}

// clockEnd is where the open part ends if no frame boundary suits.
func (c *cutter) clockEnd() ticks { return min(c.partStart+partMax, c.segStart+segmentMax) }

// latest is how far a frame boundary may go and still end the open part.
func (c *cutter) latest() ticks {
	return min(c.partStart+partMax+jitter, c.segStart+segmentMax+segmentOver)
}

// next gives the earliest decoding time of a video frame, and of sound, with which the open part may end while
// frames come at a steady pace: the one after which no other fits, or the one before which a part may end if
// it comes off the pace.
func (c *cutter) next() (video, sound ticks) {
	frame, end := c.frameTime(), c.clockEnd()
	video = min(c.latest()-2*frame, c.partStart+partMin, end-frame)
	if !c.quiet(end) {
		end += overdue
	}
	return video, end
}

// quiet tells whether no video frame is to come before end.
func (c *cutter) quiet(end ticks) bool {
	return c.rate.steady() && c.lastDTS+c.frameTime() >= end-jitter
}

// keyFrame prepares for a key frame at clock position at, to be decoded at decode.
func (c *cutter) keyFrame(at, decode ticks) {
	if !c.begun {
		return
	}
	c.before(at, decode)
	if at = max(at, c.partStart); !c.independent || at-c.segStart >= segmentMin {
		c.segment(at, decode)
	}
}

// segment ends the open segment before a frame at clock position at.
func (c *cutter) segment(at, decode ticks) {
	c.before(at, decode)
	c.settle(decode)
	c.part(at)
	c.endSegment()
	c.early = 0
	c.show()
}

// before cuts the parts that end before a frame at clock position at.
func (c *cutter) before(at, decode ticks) {
	for at > c.latest() {
		c.settle(decode)
		c.part(c.clockEnd())
		c.afterPart()
	}
}

// settle gives the last pending sample its duration, now that the next one's decoding time is known.
func (c *cutter) settle(decode ticks) {
	if last := c.lastVideo(); last != nil && last.dur == 0 {
		last.dur = uint32(max(1, int64(decode)-last.dts))
	}
}

// video takes a sample whose clock position is at.
func (c *cutter) video(v sample, at ticks, arrived time.Time) {
	c.settle(ticks(v.dts))
	c.before(at, ticks(v.dts))
	if !c.rate.steady() && at-c.partStart >= partMin && at <= c.latest() {
		c.part(at)
		c.afterPart()
	}
	if c.window.full(c.bytes + len(v.payload)) {
		c.segment(at, ticks(v.dts))
	}
	if !c.begun {
		c.begun, c.independent = true, v.key
	}
	c.arrived = arrived
	c.pending = append(c.pending, v)
	c.bytes += len(v.payload) + sampleCost
	if !c.rate.steady() {
		return
	}
	// The frame's end is known: the part need not wait for the next frame if that would not fit.
	end := ticks(v.dts) + c.frameTime()
	if end+c.frameTime() > c.latest() && end <= c.latest() &&
		(end-c.partStart >= partMin || end >= c.segStart+segmentMax-jitter) {
		c.settle(end)
		c.part(end)
		c.afterPart()
	}
}

// audio takes a sample; it does not move the clock.
func (c *cutter) audio(a sample) {
	c.sound = append(c.sound, a)
	c.bytes += len(a.payload) + sampleCost
}

// stretchAudio makes the last audio sample longer, unless its part is written.
func (c *cutter) stretchAudio(by uint32) {
	if n := len(c.sound); n > 0 {
		c.sound[n-1].dur += by
	}
}

// clock tells that audio has come to at. It ends parts in the place of video that comes rarely or late.
func (c *cutter) clock(at ticks, arrived time.Time) {
	c.arrived = arrived
	if c.window.full(c.bytes) {
		c.segment(at, at)
	}
	for {
		end := c.clockEnd()
		if !(c.quiet(end) && at >= end || at >= end+overdue) {
			return
		}
		if c.rate.steady() {
			c.settle(c.lastDTS + c.frameTime())
		}
		c.settle(end)
		c.part(end)
		c.afterPart()
	}
}

// flush ends part and segment after the last sample.
func (c *cutter) flush() {
	end := c.partStart
	if last := c.lastVideo(); last != nil {
		c.settle(ticks(last.dts) + max(c.frameTime(), millisecond))
		end = max(end, ticks(last.dts)+ticks(last.dur))
	} else if n := len(c.sound); n > 0 {
		end = max(end, ticksIn(c.sound[n-1].dts+int64(c.sound[n-1].dur), c.session.audio.rate))
	}
	if len(c.pending)+len(c.sound) > 0 {
		c.write(min(end, c.clockEnd()), len(c.sound))
	}
	c.endSegment()
	c.forget()
	c.show()
}

// forget drops samples that fit no part any more.
func (c *cutter) forget() {
	clear(c.pending)
	clear(c.sound)
	c.pending, c.sound, c.bytes = c.pending[:0], c.sound[:0], 0
}

// part ends the open part at t, with the audio before t.
func (c *cutter) part(t ticks) {
	if t <= c.partStart {
		return
	}
	c.session.silence(t, len(c.pending)+len(c.sound) == 0)
	n := len(c.sound)
	if a := c.session.audio; a != nil {
		limit := t.scale(a.rate)
		for n > 0 && c.sound[n-1].dts >= limit {
			n--
		}
	}
	c.write(t, n)
}

// write makes a part of what is pending, of what other renditions have before t, and of the first n audio
// samples.
func (c *cutter) write(t ticks, n int) {
	if t <= c.partStart {
		return
	}
	c.window.add(c.session.pack(t, c.sound[:n]), c.partStart, t-c.partStart, c.arrived)
	clear(c.pending)
	c.pending = c.pending[:0]
	rest := copy(c.sound, c.sound[n:])
	clear(c.sound[rest:])
	c.sound = c.sound[:rest]
	c.bytes = 0
	for i := range c.sound {
		c.bytes += len(c.sound[i].payload) + sampleCost
	}
	c.partStart, c.begun = t, true
}

// afterPart ends the segment with the part just written if it is long enough, and shows the part.
func (c *cutter) afterPart() {
	length := c.partStart - c.segStart
	switch {
	case c.early == 2, c.early == 1 && c.partStart-c.startAt >= startUp:
		c.early--
		c.endSegment()
	case length >= segmentMax-jitter:
		c.endSegment()
	}
	c.show()
}

func (c *cutter) endSegment() {
	c.window.complete()
	c.segStart, c.begun, c.independent = c.partStart, false, false
}

func (c *cutter) show() { c.window.show(c.session.paces()...) }
