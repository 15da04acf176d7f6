package channel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// encoder is what an encoder sends, a description that play turns into frames. Zero values are those of a
// well-set one: 30 pictures a second at 3 Mbit/s with a key frame each two seconds, sound of 128 kbit/s.
type encoder struct {
	fps       float64
	gop       time.Duration
	bframes   bool
	announced media.Bitrate
	audio     *media.Track
	width     int
	height    int

	jitter  func(at time.Duration) time.Duration // of the picture's times
	bitrate func(at time.Duration) float64       // of the picture
	silent  func(at time.Duration) bool          // no sound is sent
	late    func(at time.Duration) time.Duration // when media arrives, beyond its own time
}

var sound = &media.Track{ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, SampleRate: 48000, Channels: 2, Bitrate: 128_000}

func (e encoder) frames(from, to time.Duration, begun time.Time) (out []*media.Frame) {
	if e.fps == 0 {
		e.fps = 30
	}
	if e.gop == 0 {
		e.gop = 2 * time.Second
	}
	if e.audio == nil {
		e.audio = sound
	}
	if e.width == 0 {
		e.width, e.height = 1280, 720
	}
	track := &media.Track{ID: media.FirstVideo, Kind: media.Video, Codec: media.H264, Width: e.width, Height: e.height, FrameRate: e.fps, Bitrate: e.announced}
	arrived := func(at time.Duration) time.Time {
		if e.late != nil {
			return begun.Add(at + e.late(at))
		}
		return begun.Add(at)
	}
	perGop := int(e.gop.Seconds()*e.fps + 0.5)
	const audioStep = 1024 * time.Second / 48000
	nextAudio := (from + audioStep - 1) / audioStep * audioStep
	for i := int(from.Seconds()*e.fps + 0.5); ; i++ {
		at := time.Duration(float64(i) / e.fps * float64(time.Second))
		if at >= to {
			return out
		}
		for ; nextAudio <= at; nextAudio += audioStep {
			if e.silent == nil || !e.silent(nextAudio) {
				dts := nextAudio.Truncate(time.Millisecond) // as RTMP has it
				out = append(out, &media.Frame{Track: e.audio, DTS: dts, PTS: dts, Key: true, Arrived: arrived(nextAudio), Payload: make([]byte, 341)})
			}
		}
		rate := 3e6
		if e.bitrate != nil {
			rate = e.bitrate(at)
		}
		dts := at
		if e.jitter != nil {
			dts += e.jitter(at)
		}
		dts = dts.Truncate(time.Millisecond)
		f := &media.Frame{Track: track, DTS: dts, PTS: dts, Key: i%perGop == 0, Arrived: arrived(at), Payload: make([]byte, int(rate/8/e.fps))}
		if e.bframes { // I and P are shown after the two B that follow them
			f.PTS += time.Duration(map[bool]float64{true: 3, false: 0}[i%3 == 0] / e.fps * float64(time.Second))
		}
		out = append(out, f)
	}
}

var begun = time.Unix(1_800_000_000, 0)

// story is what a coach said over a broadcast, one word for each change: +Code or -Code.
type story struct {
	c    *coach
	said []string
	at   []time.Duration
	was  [adviceCodes]bool
}

func (s *story) play(e encoder, from, to time.Duration) {
	for _, f := range e.frames(from, to, begun) {
		s.c.note([]*media.Frame{f})
		if number, ok := s.c.changed(); ok {
			s.c.told(number)
			for i, v := range s.c.verdicts {
				if v.on != s.was[i] {
					s.said = append(s.said, map[bool]string{true: "+", false: "-"}[v.on]+AdviceCode(i).String())
					s.at = append(s.at, f.DTS-from)
					s.was[i] = v.on
				}
			}
		}
	}
}

func TestTheCoachFindsWhatIsWrongOnceAndSeesItEnd(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	random := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		bad  encoder
		want AdviceCode
		most time.Duration // until it is said
		says string        // the message
	}{
		"B-frames":                 {encoder{bframes: true}, BFrames, 6 * s, "B-frames"},
		"key frames of OBS's auto": {encoder{gop: 8333 * ms}, LongKeyframeInterval, 11 * s, "8.3 s apart"},
		"of x264's default":        {encoder{gop: 10 * s, fps: 25}, LongKeyframeInterval, 11 * s, "10.0 s apart"},
		"at 60 pictures":           {encoder{gop: 4170 * ms, fps: 60}, LongKeyframeInterval, 11 * s, "4.2 s apart"},
		"only one ever":            {encoder{gop: time.Hour}, LongKeyframeInterval, 11 * s, "s apart"},
		"a variable frame rate": {encoder{jitter: func(time.Duration) time.Duration {
			return time.Duration(random.IntN(3)) * 15 * ms
		}}, VariableFrameRate, 16 * s, "frame rate is not constant"},
		"a clock that is slow":         {encoder{late: func(at time.Duration) time.Duration { return at / 100 }}, ClockDrift, 80 * s, "1.0 % too slow"},
		"a clock that is fast":         {encoder{late: func(at time.Duration) time.Duration { return -at / 100 }}, ClockDrift, 80 * s, "1.0 % too fast"},
		"an upload that is too slow":   {encoder{late: func(at time.Duration) time.Duration { return at / 3 }}, FallingBehind, 16 * s, "75 % of real time"},
		"no sound":                     {encoder{silent: func(time.Duration) bool { return true }}, MissingAudio, 11 * s, "No sound arrives"},
		"sound with holes":             {encoder{silent: func(at time.Duration) bool { return at%(7*s) < 300*ms }}, AudioDropouts, 30 * s, "times within the last minute"},
		"little sound, as announced":   {encoder{audio: &media.Track{ID: 32, Kind: media.Audio, Codec: media.AAC, Bitrate: 64_000}}, LowAudioBitrate, 16 * s, "64 kb/s"},
		"far less than was announced":  {encoder{announced: 6e6, bitrate: func(time.Duration) float64 { return 1.2e6 }}, LowVideoBitrate, 16 * s, "1.2 Mb/s, far less than the 6.0 Mb/s"},
		"a bitrate that swings widely": {encoder{bitrate: func(at time.Duration) float64 { return map[bool]float64{true: 3e6, false: 4e5}[at%(30*s) < 8*s] }}, UnsteadyVideoBitrate, 75 * s, "swings"},
		"more than the type takes":     {encoder{bitrate: func(time.Duration) float64 { return 6e6 }}, HighVideoBitrate, 11 * s, "6.0 Mb/s, more than the 3.5 Mb/s"},
		"a picture that is too large":  {encoder{width: 2560, height: 1440}, LargePicture, 6 * s, "2560 × 1440"},
	} {
		t.Run(name, func(t *testing.T) {
			st := &story{c: newCoach("BASIC")}
			good := encoder{fps: c.bad.fps, width: c.bad.width, height: c.bad.height}
			if c.want == LargePicture {
				good.width, good.height = 1280, 720
			}
			const half = 180 * s
			st.play(c.bad, 0, half)
			if len(st.said) != 1 || st.said[0] != "+"+c.want.String() || st.at[0] > c.most {
				t.Fatalf("said %v after %v", st.said, st.at)
			}
			a := st.c.advice("")
			if len(a) != 1 || a[0].Code != c.want || !strings.Contains(a[0].Message, c.says) || a[0].Remedy == "" {
				t.Errorf("advises %+v", a)
			}
			end := good.late
			if c.bad.late != nil { // it keeps the lag that it has
				lag := c.bad.late(half)
				end = func(time.Duration) time.Duration { return lag }
			}
			good.late = end
			st.play(good, half, 2*half)
			if want := []string{"+" + c.want.String(), "-" + c.want.String()}; !slices.Equal(st.said, want) {
				t.Errorf("said %v after %v, want %v", st.said, st.at, want)
			}
		})
	}
}

func TestTheCoachHasNothingToSayOfAGoodEncoder(t *testing.T) {
	const ms, s = time.Millisecond, time.Second
	random := rand.New(rand.NewPCG(3, 4))
	wobble := func(time.Duration) time.Duration { return time.Duration(random.IntN(80)) * ms }
	for name, e := range map[string]encoder{
		"OBS at 30 pictures":      {announced: 3e6, late: wobble},
		"OBS at 60 pictures":      {fps: 60, late: wobble},
		"29.97 pictures":          {fps: 30000.0 / 1001},
		"a second of key frames":  {gop: s},
		"four seconds":            {gop: 4 * s},
		"15 pictures":             {fps: 15},
		"a clock of quartz":       {late: func(at time.Duration) time.Duration { return at / 10_000 }},
		"a bitrate that breathes": {bitrate: func(at time.Duration) float64 { return 1.5e6 + 1e6*float64(at%(20*s))/float64(20*s) }},
		"a line that stops for two seconds": {late: func(at time.Duration) time.Duration {
			if at%(60*s) < 2*s {
				return 2*s - at%(60*s)
			}
			return 0
		}},
		"one hole in the sound": {silent: func(at time.Duration) bool { return at > 20*s && at < 20500*ms }},
		"a burst at first": {late: func(at time.Duration) time.Duration {
			return -min(at/2, 2*s)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			st := &story{c: newCoach("BASIC")}
			st.play(e, 0, 5*time.Minute)
			if len(st.said) > 0 {
				t.Errorf("said %v after %v", st.said, st.at)
			}
		})
	}
}

func TestWhatComesAndGoesIsNotSaidEachTime(t *testing.T) {
	st := &story{c: newCoach("BASIC")}
	const s = time.Second
	good, bad := encoder{gop: s}, encoder{gop: 5 * s}
	for i := range 30 { // one long gap each quarter of a minute: never two bad windows in a row
		at := time.Duration(i) * 15 * s
		st.play(good, at, at+10*s)
		st.play(bad, at+10*s, at+15*s)
	}
	if len(st.said) > 0 {
		t.Errorf("said %v after %v", st.said, st.at)
	}
}

func TestAnotherEncoderIsJudgedAnew(t *testing.T) {
	st := &story{c: newCoach("BASIC")}
	st.play(encoder{bframes: true, gop: 8 * time.Second}, 0, 30*time.Second)
	st.c.begin()
	if len(st.c.advice("")) != 2 {
		t.Errorf("what was said is forgotten: %v", st.c.advice(""))
	}
	st.play(encoder{}, 0, 30*time.Second) // its clock begins anew, too
	if want := []string{"+BFrames", "+LongKeyframeInterval", "-BFrames", "-LongKeyframeInterval"}; !slices.Equal(st.said, want) {
		t.Errorf("said %v", st.said)
	}
	st.play(encoder{}, 0, 30*time.Second)                                    // a clock that goes back
	st.play(encoder{fps: 60}, 10*time.Minute, 10*time.Minute+30*time.Second) // or jumps
	if len(st.said) != 4 {
		t.Errorf("said %v", st.said)
	}
}

func TestAnAdviceNamesTheFieldOfTheEncoder(t *testing.T) {
	for name, want := range map[string]string{
		"obs-output module (libobs version 29.0.2)": "OBS → Settings → Output → Keyframe Interval: 2 s",
		"Lavf59.27.100":              "ffmpeg: -g 50",
		"Larix Broadcaster":          "Larix → Settings → Video",
		"vMix":                       "Keyframe Latency: 2",
		"GStreamer 1.22.0 FLV muxer": "x264enc key-int-max=50",
		"":                           "Keyframe interval: 2 s",
		"something else":             "Keyframe interval: 2 s",
	} {
		st := &story{c: newCoach("BASIC")}
		st.play(encoder{fps: 25, gop: 10 * time.Second}, 0, 30*time.Second)
		a := st.c.advice(name)
		if len(a) != 1 || a[0].Severity != Warning || !strings.Contains(a[0].Remedy, want) {
			t.Errorf("%q: %+v", name, a)
		}
	}
	c := newCoach("BASIC")
	c.video = &media.Track{Width: 1280, Height: 720, FrameRate: 50}
	for code := range adviceCodes {
		if c.message(code, 1) == "" || fmt.Sprint(code) == "" {
			t.Errorf("advice %d has no words", code)
		}
		for kind := anyEncoder; kind <= browser; kind++ {
			if r := c.remedy(code, kind); r == "" || strings.ContainsAny(r, "{}") {
				t.Errorf("%v: the remedy for encoder %d is %q", code, kind, r)
			}
		}
	}
}

func BenchmarkCoach(b *testing.B) {
	c := newCoach("STANDARD")
	frames := encoder{bframes: true, gop: 8 * time.Second, fps: 60}.frames(0, time.Minute, begun)
	b.ReportAllocs()
	for b.Loop() {
		c.note(frames)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(frames)), "ns/frame")
}

func TestTheCoachAllocatesNothing(t *testing.T) {
	c := newCoach("STANDARD")
	frames := encoder{bframes: true, gop: 8 * time.Second}.frames(0, time.Minute, begun)
	if n := testing.AllocsPerRun(10, func() { c.note(frames) }); n != 0 {
		t.Errorf("%v allocations for a minute of frames", n)
	}
}
