package hls

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// Whatever the encoder sends, every version of the playlist keeps the rules.
func TestPlaylistsKeepTheRules(t *testing.T) {
	jittery := func(rate float64, by time.Duration) func(int) time.Duration {
		r := rand.New(rand.NewPCG(1, 2))
		even, last := fps(rate), time.Duration(-1)
		times := make(map[int]time.Duration)
		return func(n int) time.Duration {
			if at, ok := times[n]; ok {
				return at
			}
			at := max(even(n)+time.Duration(r.Int64N(int64(by))), last+time.Millisecond)
			if n == 0 {
				at = 0
			}
			times[n], last = at, at
			return at
		}
	}
	const length = 40 * time.Second
	cases := map[string]feed{
		"30 fps, 2 s between key frames": {},
		"60 fps":                         {frame: fps(60)},
		"59.94 fps":                      {frame: fps(60000. / 1001)},
		"50 fps, 1 s between key frames": {frame: fps(50), gop: time.Second},
		"29.97 fps":                      {frame: fps(30000. / 1001), gop: 60 * 1001 * time.Second / 30000},
		"29.97 fps, 120 frames between key frames": {frame: fps(30000. / 1001), gop: 120 * 1001 * time.Second / 30000},
		"29.97 fps, 8 s between key frames":        {frame: fps(30000. / 1001), gop: 8 * time.Second},
		"25 fps, 4 s between key frames":           {frame: fps(25), gop: 4 * time.Second},
		"24 fps, 8.3 s between key frames":         {frame: fps(24), gop: 8300 * time.Millisecond},
		"23.976 fps, 3 s between key frames":       {frame: fps(24000. / 1001), gop: 3 * time.Second},
		"20 fps":                                   {frame: fps(20)},
		"15 fps":                                   {frame: fps(15)},
		"12 fps":                                   {frame: fps(12)},
		"10 fps":                                   {frame: fps(10)},
		"7 fps, no part ends with a frame":         {frame: fps(7)},
		"5 fps":                                    {frame: fps(5)},
		"1 fps":                                    {frame: fps(1)},
		"only key frames":                          {gop: 33 * time.Millisecond},
		"half a second between key frames":         {gop: 500 * time.Millisecond},
		"4.2 s between key frames":                 {gop: 4200 * time.Millisecond},
		"no second key frame":                      {gop: time.Hour},
		"with B-frames":                            {reorder: true},
		"jitter of 5 ms":                           {frame: jittery(30, 5*time.Millisecond)},
		"jitter of 30 ms":                          {frame: jittery(30, 30*time.Millisecond)},
		"variable frame rate":                      {frame: jittery(8, 400*time.Millisecond)},
		"video is absent for 0.8 s":                {noVideoFrom: 7100 * time.Millisecond, noVideoTo: 7900 * time.Millisecond},
		"video is absent for 2 s":                  {noVideoFrom: 7100 * time.Millisecond, noVideoTo: 9100 * time.Millisecond},
		"the encoder pauses for 2 s": {
			noVideoFrom: 7100 * time.Millisecond, noVideoTo: 9100 * time.Millisecond, noAudioFrom: 7100 * time.Millisecond, noAudioTo: 9100 * time.Millisecond,
		},
		"timestamps begin at ten hours": {origin: 10 * time.Hour},
	}
	for name, f := range cases {
		for _, sound := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, audio %v", name, sound), func(t *testing.T) {
				f := f
				f.length = length
				if sound {
					f.audio = audioTrack()
				}
				w := newWatch(t)
				w.session(f.frames())
				p := w.playlist.Last()
				if msn, _ := p.End(); msn < sequenceAt(testStart)+10 {
					t.Errorf("%d segments in %v", msn-sequenceAt(testStart), length)
				}
			})
		}
	}
}

func TestAudio(t *testing.T) {
	const length = 30 * time.Second
	cases := map[string]feed{
		"is absent for 0.3 s":         {noAudioFrom: 5 * time.Second, noAudioTo: 5300 * time.Millisecond},
		"is absent for 6 s":           {noAudioFrom: 5 * time.Second, noAudioTo: 11 * time.Second},
		"stops":                       {audioUntil: 9 * time.Second},
		"comes 0.6 s before its time": {audioSkew: -600 * time.Millisecond},
		"comes 0.6 s late":            {audioSkew: 600 * time.Millisecond},
		"begins after 0.7 s":          {audioFrom: 700 * time.Millisecond},
		"begins after 5 s":            {audioFrom: 5 * time.Second},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			f.length, f.audio = length, audioTrack()
			w := newWatch(t)
			w.session(f.frames())
			if w.p.current.Load().variant.codecs != "avc1.42c028,mp4a.40.2" {
				t.Errorf("codecs are %s", w.p.current.Load().variant.codecs)
			}
		})
	}
}

func TestAudioThatLagsFarBehindIsHeardInTheEnd(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 30 * time.Second, audio: audioTrack(), audioFrom: 3 * time.Second, audioSkew: 0}.frames())
	frames := feed{length: 30 * time.Second, audio: audioTrack(), audioSkew: 2500 * time.Millisecond, start: testStart.Add(40 * time.Second)}.frames()
	w.begin()
	w.feed(frames)
	s := w.p.current.Load()
	last := s.segments[len(s.segments)-1]
	heard := 0
	for _, p := range last.parts {
		if len(p.data) > 10*1000+10*200 {
			heard++
		}
	}
	if heard < len(last.parts)-1 {
		t.Errorf("audio in %d of the newest segment's %d parts", heard, len(last.parts))
	}
}

func TestStreamWithoutAudioIsWatchableAtOnce(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 5 * time.Second}.frames())
	if wait := w.first.Sub(testStart); wait > audioPatience+100*time.Millisecond {
		t.Errorf("first part after %v", wait)
	}
	if got := w.p.current.Load().variant.codecs; got != "avc1.42c028" {
		t.Errorf("codecs are %s", got)
	}
}

func TestFirstPartIsThereWithItsLastFrame(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 5 * time.Second, audio: audioTrack()}.frames())
	if wait := w.first.Sub(testStart); wait > 320*time.Millisecond {
		t.Errorf("first part after %v", wait)
	}
}

func TestNewSessionFollowsADiscontinuity(t *testing.T) {
	w := newWatch(t)
	w.session(feed{length: 13300 * time.Millisecond, audio: audioTrack()}.frames())
	before := w.playlist.Last()
	w.session(feed{length: 7 * time.Second, audio: audioTrack(), start: testStart.Add(20 * time.Second)}.frames())
	after := w.playlist.Last()
	first, last := &after.Segments[0], &after.Segments[len(after.Segments)-1]
	if last.CC != first.CC+1 {
		t.Errorf("discontinuity sequence number went from %d to %d", first.CC, last.CC)
	}
	if last.Map == first.Map {
		t.Error("no new initialization section")
	}
	old := &before.Segments[len(before.Segments)-1]
	next := &after.Segments[int(old.MSN+1-after.MediaSequence)]
	if !next.Discontinuity || !next.Date.Equal(testStart.Add(20*time.Second)) {
		t.Errorf("second session begins with %+v", next)
	}
	if after.Hint != "" {
		t.Error("a playlist that does not grow hints at a part")
	}
}

func TestServerRestartContinuesAboveAllNumbers(t *testing.T) {
	w := newWatch(t)
	w.begin()
	w.feed(feed{length: 31 * time.Second, audio: audioTrack(), frame: fps(60), gop: time.Second}.frames())
	w.now = testStart.Add(33 * time.Second) // killed: nothing was finished
	w.past = nil                            // and the disk with it
	w.restart()
	w.session(feed{length: 9 * time.Second, audio: audioTrack(), start: w.now}.frames())
}

func TestManyShortSessionsStayBelowTheClock(t *testing.T) {
	w := newWatch(t)
	for at := time.Duration(0); at < time.Minute; at += 1200 * time.Millisecond {
		w.session(feed{length: 700 * time.Millisecond, audio: audioTrack(), start: testStart.Add(at), gop: 500 * time.Millisecond}.frames())
	}
	msn, _ := w.playlist.Last().End()
	if limit := sequenceAt(w.now); msn >= limit {
		t.Errorf("sequence number %d, a server started now would begin at %d", msn, limit)
	}
}

func TestParameterChangeMakesADiscontinuity(t *testing.T) {
	frames := feed{length: 12 * time.Second, audio: audioTrack()}.frames()
	other := videoTrack(0)
	other.Config = append([]byte(nil), other.Config...)
	other.Config[3], other.Width, other.Height = 0x1f, 1280, 720
	same := *videoTrack(0) // an encoder that repeats its parameters
	mono := &media.Track{ID: 2, Kind: media.Audio, Codec: media.AAC, Config: []byte{0x11, 0x88}, SampleRate: 48000, Channels: 1}
	for i, f := range frames {
		at := f.Arrived.Sub(testStart)
		g := *f
		switch {
		case f.Track.Kind == media.Video && at > 2900*time.Millisecond && at < 6900*time.Millisecond:
			g.Track = &same
		case f.Track.Kind == media.Video && at >= 6900*time.Millisecond:
			g.Track = other
		case at > 9*time.Second:
			g.Track = mono
		}
		frames[i] = &g
	}
	w := newWatch(t)
	w.session(frames)
	p := w.playlist.Last()
	if n := p.Segments[len(p.Segments)-1].CC - p.Segments[0].CC; n != 2 {
		t.Errorf("%d discontinuities", n)
	}
	if v := w.p.current.Load().variant; v.codecs != "avc1.42c01f,mp4a.40.2" || v.width != 1280 {
		t.Errorf("variant is %+v", v)
	}
}

func TestJumpOfTimestampsMakesADiscontinuity(t *testing.T) {
	w := newWatch(t)
	a := feed{length: 5100 * time.Millisecond, audio: audioTrack()}.frames()
	b := feed{length: 5 * time.Second, audio: audioTrack(), origin: 300 * time.Second, start: testStart.Add(5100 * time.Millisecond)}.frames()
	w.session(append(a, b...))
	p := w.playlist.Last()
	last := &p.Segments[len(p.Segments)-1]
	if last.CC != p.Segments[0].CC+1 {
		t.Errorf("%d discontinuities", last.CC-p.Segments[0].CC)
	}
	if off := last.Date.Sub(testStart.Add(10 * time.Second)); off.Abs() > 2*time.Second {
		t.Errorf("last segment is dated %v off", off)
	}
}

func TestVideoGapKeepsAudioGoing(t *testing.T) {
	w := newWatch(t)
	w.holes = true // the picture stands still longer than decoding times may bridge
	w.session(feed{length: 20 * time.Second, audio: audioTrack(), noVideoFrom: 6500 * time.Millisecond, noVideoTo: 11 * time.Second}.frames())
	p := w.playlist.Last()
	if p.Segments[0].CC != p.Segments[len(p.Segments)-1].CC {
		t.Error("discontinuity")
	}
}

func TestWindowIsBounded(t *testing.T) {
	size := func(s *snapshot) (n int, dur ticks) {
		for _, g := range append(append([]*segment(nil), s.retired...), s.segments...) {
			n += g.bytes
			dur += g.dur
		}
		return n, dur
	}
	t.Run("in time", func(t *testing.T) {
		for _, gop := range []time.Duration{time.Second, 2 * time.Second, 8 * time.Second} {
			w := newWatch(t)
			w.session(feed{length: 60 * time.Second, audio: audioTrack(), gop: gop}.frames())
			if _, dur := size(w.p.current.Load()); dur < 12*second || dur > 16*second {
				t.Errorf("%v between key frames: %.1f s kept", gop, float64(dur)/float64(second))
			}
		}
	})
	t.Run("in bytes", func(t *testing.T) {
		p := New(Options{MaxBytes: 4 << 20, Now: func() time.Time { return testStart }})
		s := newSession(p.Window, p.log, p.now)
		for _, f := range (feed{length: 20 * time.Second, audio: audioTrack(), bytes: 100_000}).frames() {
			if err := s.frame(f); err != nil {
				t.Fatal(err)
			}
			if n, _ := size(p.current.Load()); n > 4<<20+500_000 {
				t.Fatalf("%d bytes kept", n)
			}
		}
	})
	t.Run("before it starts", func(t *testing.T) {
		p := New(Options{MaxBytes: 4 << 20, Now: func() time.Time { return testStart }})
		s := newSession(p.Window, p.log, p.now)
		for n := range 20 { // no sound comes, and no time passes
			if err := s.frame(&media.Frame{Track: videoTrack(30), Key: n == 0, Payload: make([]byte, 100_000), Arrived: testStart}); err != nil {
				t.Fatal(err)
			}
			if held := len(s.held) * 100_000; held > 4<<20/8 {
				t.Fatalf("%d bytes held", held)
			}
		}
	})
	t.Run("when time stands still", func(t *testing.T) {
		p := New(Options{MaxBytes: 4 << 20, Now: func() time.Time { return testStart }})
		s := newSession(p.Window, p.log, p.now)
		track := videoTrack(30)
		for range 50_000 {
			if err := s.frame(&media.Frame{Track: track, Key: true, Payload: make([]byte, 1000), Arrived: testStart}); err != nil {
				t.Fatal(err)
			}
		}
		if n, _ := size(p.current.Load()); n > 4<<20 || s.cut.bytes > 4<<20 {
			t.Errorf("%d bytes kept, %d pending", n, s.cut.bytes)
		}
	})
}

// Six channels: no silence is made up, so frames last longer instead.
func TestSurroundSoundWithAGap(t *testing.T) {
	track := audioTrack()
	track.Config, track.Channels = []byte{0x11, 0xB0}, 6
	w := newWatch(t)
	w.session(feed{length: 12 * time.Second, audio: track, noAudioFrom: 5100 * time.Millisecond, noAudioTo: 5200 * time.Millisecond}.frames())
	if got := w.p.current.Load().open; got != nil {
		t.Error("a segment is open after the end")
	}
}

func TestAudioFormats(t *testing.T) {
	for name, c := range map[string]struct {
		config  []byte
		codec   string
		rate    int
		frame   int64
		silence bool
	}{
		"LC, stereo, 48 kHz":         {[]byte{0x11, 0x90}, "mp4a.40.2", 48000, 1024, true},
		"LC, mono, 44.1 kHz":         {[]byte{0x12, 0x08}, "mp4a.40.2", 44100, 1024, true},
		"LC, frames of 960":          {[]byte{0x11, 0x94}, "mp4a.40.2", 48000, 960, true},
		"LC, six channels":           {[]byte{0x11, 0xB0}, "mp4a.40.2", 48000, 1024, false},
		"HE, 24 kHz doubled to 48":   {[]byte{0x2B, 0x11, 0x88, 0x00}, "mp4a.40.5", 24000, 1024, true},
		"HE v2, 24 kHz doubled too":  {[]byte{0xEB, 0x09, 0x88, 0x00}, "mp4a.40.29", 24000, 1024, true},
		"LC, 96 kHz, beyond 16 bits": {[]byte{0x10, 0x10}, "mp4a.40.2", 96000, 1024, true},
	} {
		a, err := newAudioFormat(&media.Track{Kind: media.Audio, Codec: media.AAC, Config: c.config, Channels: 2})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if a.codec != c.codec || a.rate != c.rate || a.frame != c.frame || (a.silence != nil) != c.silence {
			t.Errorf("%s: %+v", name, a)
		}
		v, err := newVideoFormat(videoTrack(30))
		if err != nil {
			t.Fatal(err)
		}
		if _, faults := hlscheck.NewMedia(appendInit(nil, v, a)); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestUnusableTracks(t *testing.T) {
	t.Run("video without configuration ends the session", func(t *testing.T) {
		w := newWatch(t)
		w.begin()
		track := videoTrack(30)
		track.Config = nil
		var err error
		for _, f := range (feed{length: 2 * time.Second, video: track}).frames() {
			if err = w.s.frame(f); err != nil {
				break
			}
		}
		if err == nil {
			t.Error("no error")
		}
		w.s.finish()
	})
	t.Run("audio without configuration is left out", func(t *testing.T) {
		w := newWatch(t)
		track := audioTrack()
		track.Config = nil
		w.session(feed{length: 5 * time.Second, audio: track}.frames())
		if got := w.p.current.Load().variant.codecs; got != "avc1.42c028" {
			t.Errorf("codecs are %s", got)
		}
	})
}
