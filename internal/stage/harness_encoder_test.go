package stage_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/stage"
)

// dial is a clock that stands still until a test turns it on.
type dial struct{ at atomic.Int64 }

func (d *dial) now() time.Time       { return time.Unix(0, d.at.Load()) }
func (d *dial) turn(t time.Duration) { d.at.Add(int64(t)) }

// studio is a node whose clock is such a one: no encoder falls silent because the machine is busy.
type studio struct {
	*node
	clock *dial
}

func newStudio(t testing.TB, change ...func(*stage.Deps)) *studio {
	t.Helper()
	return newWorld(t).studio(change...)
}

func (w *world) studio(change ...func(*stage.Deps)) *studio {
	w.t.Helper()
	clock := &dial{}
	clock.turn(time.Duration(time.Now().Add(time.Minute).UnixNano())) // no token is of the future
	return &studio{w.node(append(change, func(d *stage.Deps) { d.Now = clock.now })...), clock}
}

// camera is an encoder that a test plays: what it writes is as ingest would write it.
type camera struct {
	*media.Stream
	t        testing.TB
	clock    *dial
	at       time.Duration // of the next picture
	pictures *media.Track
	sound    *media.Track
}

var (
	sps = []byte{0x67, 0x42, 0xC0, 0x28, 0xD9}
	pps = []byte{0x68, 0xCB, 0x83}

	opus = &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.Opus, SampleRate: 48_000, Channels: 2}
	aac  = &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: []byte{0x11, 0x90}, SampleRate: 48_000, Channels: 2}
)

func video(change ...func(*media.Track)) *media.Track {
	t := &media.Track{ID: media.FirstVideo, Kind: media.Video, Codec: media.H264, SPS: sps, PPS: pps, Width: 1280, Height: 720}
	for _, f := range change {
		f(t)
	}
	return t
}

func (n *node) admit(key string, change ...func(*media.Publisher)) (*media.Stream, error) {
	p := media.Publisher{Protocol: "RTMPS", App: "app", Key: key, Encrypted: true}
	for _, f := range change {
		f(&p)
	}
	return n.m.RTMP().Admit(n.t.Context(), p)
}

// roll lets an encoder in, which sends nothing yet.
func (n *studio) roll(key string) *camera {
	n.t.Helper()
	stream, err := n.admit(key)
	check(n.t, err)
	c := &camera{Stream: stream, t: n.t, clock: n.clock, at: time.Second, pictures: video(), sound: opus}
	n.t.Cleanup(c.Close)
	return c
}

// shoot lets an encoder in that sends a key frame, a picture and sound.
func (n *studio) shoot(key string) *camera {
	n.t.Helper()
	c := n.roll(key)
	c.frame(true)
	c.frame(false)
	return c
}

// What a slice begins with: its first macroblock, and its type (ITU-T H.264 §7.3.3).
const (
	sliceP = 0xC0
	sliceB = 0xA0
)

// shot is a picture of one slice, of a NAL unit type.
func shot(kind, begins byte) []byte {
	slice := append([]byte{0x40 | kind, begins}, make([]byte, 3000)...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(slice))), slice...)
}

// frame sends a picture and the sound that goes with it.
func (c *camera) frame(key bool) {
	c.picture(key)
	c.speak()
}

func (c *camera) picture(key bool) {
	kind := byte(1)
	if key {
		kind = 5
	}
	c.at += 20 * time.Millisecond
	c.Write(&media.Frame{Track: c.pictures, DTS: c.at, PTS: c.at, Arrived: c.clock.now(), Key: key, Payload: shot(kind, sliceP)})
}

func (c *camera) speak() {
	c.Write(&media.Frame{Track: c.sound, DTS: c.at, PTS: c.at, Arrived: c.clock.now(), Key: true, Payload: []byte{0xF8, 0xFF, 0xFE}})
}

// wantCut waits until the stream was ended with a fault of a kind.
func (c *camera) wantCut(kind fault.Kind) {
	c.t.Helper()
	select {
	case <-c.Done():
	case <-time.After(patience):
		c.t.Fatal("the stream goes on")
	}
	if err := c.Err(); fault.Of(err) != kind {
		c.t.Errorf("it ended because of %v (%v), want %v", err, fault.Of(err), kind)
	}
}

// screen is a subscribing session with picture and sound.
type screen struct {
	*peer
	tracks [2]screenTrack
}

type screenTrack struct {
	kind rtc.Kind
	mid  string

	mu       sync.Mutex
	headers  []rtp.Header
	payloads [][]byte
	ntp      uint64
	stamp    uint32 // at ntp
	nack     func([]uint16)
}

func (n *node) screen(token, to string) *screen {
	n.t.Helper()
	sub, err := n.m.Subscribe(n.t.Context(), request(token, to))
	check(n.t, err)
	s := &screen{peer: newPeer(sub.Ended)}
	s.tracks[0].kind, s.tracks[1].kind = rtc.Video, rtc.Audio
	sub.Start([]rtc.Sender{&s.tracks[0], &s.tracks[1]}, s.peer)
	n.t.Cleanup(func() { s.Close(errors.New("the test is over")); <-s.gone })
	sub.Connected()
	return s
}

func (t *screenTrack) Kind() rtc.Kind { return t.kind }

func (t *screenTrack) Mid() string { return t.mid }

func (t *screenTrack) WriteRTP(h *rtp.Header, payload []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.headers, t.payloads = append(t.headers, *h), append(t.payloads, slices.Clone(payload))
	return nil
}

func (t *screenTrack) WriteSenderReport(ntp uint64, stamp, _, _ uint32) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ntp, t.stamp = ntp, stamp
	return nil
}

func (t *screenTrack) Room(time.Time, int) int { return 1 << 30 }

func (t *screenTrack) Feedback(nack func([]uint16), _ func()) { t.nack = nack }

// packets gives how many have come.
func (t *screenTrack) packets() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.headers)
}

// when gives the time of a timestamp by the newest report, in seconds.
func (t *screenTrack) when(stamp uint32, rate float64) float64 {
	return float64(t.ntp)/(1<<32) + float64(int32(stamp-t.stamp))/rate
}

// maker stands for what makes Opus: each frame at once, as it is.
type maker struct {
	write  func(*media.Frame)
	broken bool
	closed chan struct{}
}

func (m *maker) Frame(f *media.Frame) bool {
	if m.broken {
		return false
	}
	made := *f
	made.Track = opus
	m.write(&made)
	return true
}

func (m *maker) Close() { close(m.closed) }

// makers makes them, as long as it is told to, and knows those that were made.
type makers struct {
	mu     sync.Mutex
	err    error
	broken bool
	made   []*maker
}

func (m *makers) only(r *stage.EncoderRules) {
	r.Opus = func(_ *media.Track, write func(*media.Frame)) (rtc.AudioSink, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.err != nil {
			return nil, m.err
		}
		one := &maker{write: write, broken: m.broken, closed: make(chan struct{})}
		m.made = append(m.made, one)
		return one, nil
	}
}

func (m *makers) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.made)
}

// closed waits until one of them was closed.
func (m *makers) closed(t testing.TB, i int) {
	t.Helper()
	m.mu.Lock()
	one := m.made[i]
	m.mu.Unlock()
	select {
	case <-one.closed:
	case <-time.After(patience):
		t.Fatalf("maker %d was not closed", i)
	}
}

func (m *makers) repair() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = false
}
