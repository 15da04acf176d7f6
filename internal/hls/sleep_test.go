package hls

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// unsteady makes decoding times that stray by up to so much to either side.
func unsteady(rate float64, by time.Duration) func(int) time.Duration {
	r := rand.New(rand.NewPCG(3, 4))
	even, times := fps(rate), []time.Duration{0}
	return func(n int) time.Duration {
		for i := len(times); i <= n; i++ {
			times = append(times, max(even(i)+time.Duration(r.Int64N(int64(2*by)))-by, times[i-1]+time.Millisecond))
		}
		return times[n]
	}
}

// skipping leaves out frames at random, as an encoder does that is overloaded.
func skipping(rate, share float64) func(int) time.Duration {
	r := rand.New(rand.NewPCG(5, 6))
	even, numbers := fps(rate), []int{0}
	return func(n int) time.Duration {
		for i := len(numbers); i <= n; i++ {
			step := 1
			for r.Float64() < share {
				step++
			}
			numbers = append(numbers, numbers[i-1]+step)
		}
		return even(numbers[n])
	}
}

// changing gives another frame rate every three seconds.
func changing(rates ...float64) func(int) time.Duration {
	times := []time.Duration{0}
	return func(n int) time.Duration {
		for i := len(times); i <= n; i++ {
			last := times[i-1]
			rate := rates[int(last/(3*time.Second))%len(rates)]
			times = append(times, last+time.Duration(float64(time.Second)/rate))
		}
		return times[n]
	}
}

// Streams whose parts end for all sorts of reasons.
var sleepy = map[string]feed{
	"60 fps":                         {frame: fps(60)},
	"59.94 fps":                      {frame: fps(60000. / 1001)},
	"50 fps":                         {frame: fps(50)},
	"30 fps":                         {},
	"29.97 fps, B-frames":            {frame: fps(30000. / 1001), reorder: true},
	"29.97 fps, a long GOP":          {frame: fps(30000. / 1001), gop: 8 * time.Second},
	"25 fps":                         {frame: fps(25), gop: 8300 * time.Millisecond},
	"24 fps":                         {frame: fps(24), gop: 3 * time.Second},
	"23.976 fps":                     {frame: fps(24000. / 1001)},
	"20 fps":                         {frame: fps(20)},
	"15 fps":                         {frame: fps(15)},
	"12 fps":                         {frame: fps(12)},
	"11 fps":                         {frame: fps(11)},
	"7 fps":                          {frame: fps(7)},
	"5 fps":                          {frame: fps(5), gop: 10 * time.Second},
	"1 fps":                          {frame: fps(1), gop: 10 * time.Second},
	"stray by 3 ms":                  {frame: unsteady(30, 3*time.Millisecond)},
	"60 fps, stray by 2 ms":          {frame: unsteady(60, 2*time.Millisecond)},
	"stray by 20 ms":                 {frame: unsteady(30, 20*time.Millisecond)},
	"a variable rate":                {frame: unsteady(8, 200*time.Millisecond)},
	"30 fps, some frames skipped":    {frame: skipping(30, 0.05)},
	"60 fps, some frames skipped":    {frame: skipping(60, 0.05)},
	"60 fps, many frames skipped":    {frame: skipping(60, 0.3)},
	"rates that change":              {frame: changing(30, 60, 15, 25, 50, 31, 29, 10), gop: 20 * time.Second},
	"rates that change a little":     {frame: changing(30, 33, 36, 32, 28), gop: 20 * time.Second},
	"a declared rate that is wrong":  {video: videoTrack(60), frame: fps(25)},
	"a declared rate that is right":  {video: videoTrack(30)},
	"video pauses, sound does not":   {noVideoFrom: 7100 * time.Millisecond, noVideoTo: 9100 * time.Millisecond},
	"sound pauses, video does not":   {noAudioFrom: 7100 * time.Millisecond, noAudioTo: 12 * time.Second},
	"sound comes late in the stream": {audioFrom: 5 * time.Second},
	"sound is far ahead":             {audioSkew: -600 * time.Millisecond},
	"sound is far behind":            {audioSkew: 600 * time.Millisecond},
	"57 fps, frames rarely skipped":  {frame: skipping(56.85815662641377, 0.01), gop: 5465 * time.Millisecond},
	"62 fps, frames rarely skipped, sound ahead": {
		frame: skipping(62.033963083698715, 0.01), gop: 6549 * time.Millisecond, audioSkew: -96 * time.Millisecond, length: 40 * time.Second,
	},
	"52 fps, sound ahead": {frame: fps(51.52032479006521), gop: 7091 * time.Millisecond, audioSkew: -87 * time.Millisecond},
	"both pause": {
		noVideoFrom: 7100 * time.Millisecond, noVideoTo: 9 * time.Second, noAudioFrom: 7100 * time.Millisecond, noAudioTo: 9 * time.Second,
	},
	"both pause for long": {
		noVideoFrom: 7100 * time.Millisecond, noVideoTo: 11 * time.Second, noAudioFrom: 7100 * time.Millisecond, noAudioTo: 11 * time.Second,
	},
}

// shown is how far a playlist is.
type shown struct {
	msn   uint64
	parts int
}

func (s *snapshot) shown() shown { return shown{s.nextMSN, len(s.parts)} }

// A packager that sleeps between parts publishes each with the frame that ends it, as one would that looks at
// every frame.
func TestSleepDelaysNoPart(t *testing.T) {
	for name, f := range sleepy {
		for _, sound := range []string{", silent", ", with sound"} {
			t.Run(name+sound, func(t *testing.T) {
				f := f
				f.length = max(f.length, 20*time.Second)
				if sound == ", with sound" {
					f.audio = audioTrack()
				}
				synctest.Test(t, func(t *testing.T) { sleeps(t, f.frames()) })
			})
		}
	}
}

func sleeps(t *testing.T, frames []*media.Frame) {
	now := func() time.Time { return testStart }
	awake, sleeper := New(Options{Now: now}), New(Options{Now: now})
	s := newSession(awake.Window, awake.log, now)
	stream := media.NewStream()
	r := stream.NewReader(media.ReaderOptions{})
	defer r.Close()
	ended := make(chan error, 1)
	go func() { ended <- sleeper.Run(t.Context(), r) }()
	for _, f := range frames {
		if err := s.frame(f); err != nil {
			t.Fatal(err)
		}
		if err := stream.Write(f); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if want, got := awake.current.Load().shown(), sleeper.current.Load().shown(); got != want {
			t.Errorf("after the frame at %v (kind %v) there is %+v, want %+v", f.DTS, f.Track.Kind, got, want)
		}
		if t.Failed() {
			break
		}
	}
	s.finish()
	stream.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if want, got := awake.current.Load().shown(), sleeper.current.Load().shown(); got != want {
		t.Errorf("at the end there is %+v, want %+v", got, want)
	}
}

// It wakes up hardly more often than there are parts.
func TestPackagerSleepsBetweenParts(t *testing.T) {
	for rate, most := range map[float64]float64{60: 2.5, 50: 2.5, 30: 1.5, 30000. / 1001: 1.5, 25: 1.5, 24: 1.5, 15: 1.5} {
		now := func() time.Time { return testStart }
		p := New(Options{Now: now})
		s := newSession(p.Window, p.log, now)
		wakes, parts := 0, uint64(0)
		for _, f := range (feed{length: 20 * time.Second, audio: audioTrack(), frame: fps(rate)}).frames() {
			if f.DTS < 10*time.Second { // it knows the pace for sure
				parts = p.nextPart
				if err := s.frame(f); err != nil {
					t.Fatal(err)
				}
				continue
			}
			video, sound := s.nextCut()
			if f.Track.Kind == media.Video && (f.Key || f.DTS >= video) || f.Track.Kind == media.Audio && f.DTS >= sound {
				wakes++
			}
			if err := s.frame(f); err != nil {
				t.Fatal(err)
			}
		}
		if per := float64(wakes) / float64(p.nextPart-parts); per > most {
			t.Errorf("%.2f fps: it looks %.2f times per part", rate, per)
		}
	}
}
