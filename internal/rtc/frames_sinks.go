package rtc

import (
	"bytes"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	videoPackets = 1024 // of 1200 bytes: more than the wait brings at 20 Mbit/s
	videoWait    = 400 * time.Millisecond
	audioPackets = 64
	audioWait    = 100 * time.Millisecond

	keyInterval = 2 * time.Second        // between key frames that nothing else calls for
	keyPatience = 500 * time.Millisecond // between two requests
	trackChange = 500 * time.Millisecond // between two changes of the parameters
)

// sink is what the sinks of both kinds have in common. All is guarded by the publication's mutex.
type sink struct {
	p           *framesOf
	payloadType uint8
	order       *reorder
	clock       *trackClock
	closed      bool
}

// receive takes a packet off the network, and gives those whose turn it is to take.
func (s *sink) receive(b []byte, arrived time.Time, take func(rtpPacket)) {
	p, ok := parseRTP(b)
	if !ok || s.closed {
		return
	}
	if p.payloadType != s.payloadType {
		p.payload = nil // not our codec, but it has its place in the order
	}
	p.arrived = arrived
	if s.order.add(&p) {
		take(p)
	}
	s.release(arrived, take)
}

func (s *sink) release(now time.Time, take func(rtpPacket)) {
	for {
		p, ok := s.order.pop(now)
		if !ok {
			return
		}
		take(p)
	}
}

// SenderReport tells the publication's timeline.
func (s *sink) SenderReport(ntp uint64, rtpTime uint32, _ time.Time) {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	if !s.closed {
		s.p.time.sent(s.clock, ntp, rtpTime)
	}
}

// Close lets go of the track.
func (s *sink) Close() {
	s.p.mu.Lock()
	s.closed = true
	s.p.mu.Unlock()
}

// videoSink makes frames of a video track.
type videoSink struct {
	sink
	rid  string // which encoding of a simulcast; empty without
	ssrc uint32
	peer Peer
	unit h264Depacketizer

	id      int // of the track; 0: not known yet
	pixels  int // of a picture, while id is not known; 0: neither is this
	track   *media.Track
	heard   time.Time     // when the newest packet came
	waiting bool          // for a key frame: at the beginning and after a loss
	dts     time.Duration // of the newest frame
	changed time.Time     // when track last changed
	keyAt   time.Time     // when the newest key frame came
	pause   pause
	take    func(rtpPacket) // takePacket, made once
}

func newVideoSink(p *framesOf, t Track, peer Peer) *videoSink {
	v := &videoSink{
		sink: sink{p: p, payloadType: t.PayloadType, order: newReorder(videoPackets, videoWait)},
		rid:  t.RID, ssrc: t.SSRC, peer: peer, waiting: true, heard: p.o.Now(),
	}
	if !p.layers.simulcast() {
		v.id = media.FirstVideo
	}
	v.take = v.takePacket
	return v
}

// Write takes a packet.
func (v *videoSink) Write(packet []byte, arrived time.Time) {
	v.p.mu.Lock()
	defer v.p.mu.Unlock()
	v.heard = arrived
	v.receive(packet, arrived, v.take)
}

func (v *videoSink) drain(now time.Time) { v.release(now, v.take) }

func (v *videoSink) takePacket(p rtpPacket) {
	if v.unit.open && len(p.payload) > 0 && p.timestamp != v.unit.timestamp {
		v.unit.broken = v.unit.broken || p.gap
		v.finish() // its marker is missing
	}
	if p.gap {
		v.lose(p.arrived)
	}
	v.unit.add(&p)
	if p.marker && v.unit.open {
		v.finish()
	}
}

// lose waits for a key frame from now on.
func (v *videoSink) lose(now time.Time) {
	v.waiting = true
	v.p.wish(now)
}

// finish writes the access unit that is whole, if it is of use.
func (v *videoSink) finish() {
	u := &v.unit
	if !u.finish() {
		v.lose(u.arrived)
		return
	}
	if u.slice < 0 || v.waiting && !u.key {
		return
	}
	if !v.p.layers.ready() {
		if u.key {
			v.measure()
		}
		return
	}
	if u.key {
		if !v.begin() {
			return
		}
	} else if u.sets.changed {
		v.lose(u.arrived) // parameters for the middle of a stream have no place in a file
		return
	}
	pts := v.p.time.at(v.clock, u.timestamp, u.arrived)
	if v.p.layers.simulcast() {
		pts = v.p.layers.snap(pts)
	}
	pts = max(pts, v.pause.floor+time.Millisecond)
	v.dts = max(pts, v.dts+clockTicks)
	v.clock.last = v.dts
	f := &media.Frame{Track: v.track, DTS: v.dts, PTS: pts, Arrived: u.arrived, Key: u.key, Payload: bytes.Clone(u.buf)}
	v.pause.note(f, u.firstSlice())
	v.p.write(f)
}

// begin prepares for the key frame that is whole, and tells whether it can be decoded.
func (v *videoSink) begin() bool {
	u := &v.unit
	t := u.sets.track(u.firstSlice(), v.track)
	if t == nil {
		v.lose(u.arrived)
		return false
	}
	if t != v.track {
		if v.track != nil && u.arrived.Sub(v.changed) < trackChange {
			u.sets.changed = true
			v.lose(u.arrived) // each change is a new segment and a new decoder for all who watch
			return false
		}
		if v.id == 0 {
			v.id = v.p.layers.next()
		}
		t.ID = v.id
		v.track, v.changed = t, u.arrived
	}
	v.waiting, v.keyAt = false, u.arrived
	return true
}

// audioSink makes frames of an audio track.
type audioSink struct {
	sink
	dts  time.Duration
	take func(rtpPacket)
}

func newAudioSink(p *framesOf, t Track, c *trackClock) *audioSink {
	a := &audioSink{
		sink: sink{p: p, payloadType: t.PayloadType, order: newReorder(audioPackets, audioWait), clock: c},
		dts:  c.last,
	}
	a.take = a.takePacket
	return a
}

// Write takes a packet.
func (a *audioSink) Write(packet []byte, arrived time.Time) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.receive(packet, arrived, a.take)
}

func (a *audioSink) drain(now time.Time) { a.release(now, a.take) }

func (a *audioSink) takePacket(p rtpPacket) {
	if !isOpus(p.payload) {
		return
	}
	a.dts = max(a.p.time.at(a.clock, p.timestamp, p.arrived), a.dts+clockTicks)
	a.clock.last = a.dts
	a.p.bridge(a.dts, p.arrived)
	f := &media.Frame{Track: a.p.opus, DTS: a.dts, PTS: a.dts, Arrived: p.arrived, Key: true, Payload: bytes.Clone(p.payload)}
	if s := a.p.sound; s != nil {
		if s.Frame(f) {
			return
		}
		a.p.o.Log.Warn("audio of a WHIP stream goes on as Opus")
		a.p.sound = nil
		a.p.closing.Go(s.Close)
	}
	a.p.write(f)
}
