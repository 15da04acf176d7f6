package transcode

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	aacFrame   = 1024 // samples
	aacPriming = 1024 // samples that ffmpeg's encoder puts before the first

	queued  = 256             // frames that wait for the child: five seconds of usual ones
	stall   = 5 * time.Second // without output, with enough input
	enough  = opusRate        // samples that the child may hold before it counts as stalled
	longGap = opusRate        // samples of a gap that is not filled with silence
	logged  = 5               // lines of what the child said
	bitrate = media.Bitrate(128e3)
)

// AACOptions are for NewAAC; the zero value is fine.
type AACOptions struct {
	Log     *slog.Logger
	Bitrate media.Bitrate // default 128 kb/s

	stall time.Duration
}

// AAC makes AAC-LC, stereo, 48 kHz, of one stream's Opus frames.
type AAC struct {
	ffmpeg *FFmpeg
	o      AACOptions
	write  func(*media.Frame)

	in      chan *media.Frame
	quit    chan struct{}
	done    chan struct{} // closed when the child is gone
	once    sync.Once
	failed  atomic.Bool
	dropped atomic.Int64 // frames for which the queue had no room
	fed     atomic.Int64 // samples
	made    atomic.Int64 // samples

	mu      sync.Mutex
	anchors []anchor // the first is the one in force
}

// anchor says that a sample, counted over what the child was fed, is at a time of the stream.
type anchor struct {
	sample int64
	at     time.Duration
}

// NewAAC starts a child. Its frames go to write, from one goroutine, with timestamps in step with those of
// the Opus frames. The caller must Close it.
func (f *FFmpeg) NewAAC(o AACOptions, write func(*media.Frame)) *AAC {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Bitrate <= 0 {
		o.Bitrate = bitrate
	}
	if o.stall <= 0 {
		o.stall = stall
	}
	a := &AAC{
		ffmpeg: f, o: o, write: write,
		in: make(chan *media.Frame, queued), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go a.run()
	return a
}

// Frame takes the next Opus frame and never waits: what the child has no time for is left out, and heard
// as silence. It is false once the child is gone.
func (a *AAC) Frame(f *media.Frame) bool {
	if a.failed.Load() {
		return false
	}
	select {
	case a.in <- f:
	default:
		a.dropped.Add(1)
	}
	return true
}

// Close ends the child and waits until it is gone. Nothing is written afterwards. It may be called more
// than once.
func (a *AAC) Close() {
	a.once.Do(func() { close(a.quit) })
	<-a.done
}

var (
	errStalled = errors.New("it stalled")
	errEnded   = errors.New("it ended by itself")
)

func (a *AAC) run() {
	defer close(a.done)
	c, err := a.ffmpeg.start(
		// Little is to be read before anything comes out: what comes is known. Nothing of it may be thrown
		// away, as -fflags nobuffer does with what was probed: then the sound would come early.
		"-probesize", "32", "-analyzeduration", "0", "-f", "ogg", "-i", "pipe:0",
		"-map", "0:a:0", "-c:a", "aac", "-b:a", strconv.FormatInt(int64(a.o.Bitrate), 10), "-ar", "48000", "-ac", "2", "-threads", "1",
		"-f", "adts", "-flush_packets", "1", "pipe:1",
	)
	if err != nil {
		a.fail(err, nil)
		return
	}
	ended := make(chan struct{})
	var both sync.WaitGroup
	var wrong error
	both.Go(func() {
		wrong = a.read(c.stdout)
		close(ended)
	})
	both.Go(func() { a.feed(c.stdin, ended) })
	err = a.supervise(ended)
	c.kill()
	both.Wait()
	exit := c.wait()
	if err == nil {
		return // closed
	}
	if errors.Is(err, errEnded) {
		err = errors.Join(wrong, exit)
	}
	a.fail(err, c.said.lines(logged))
}

// supervise waits until the child has to go; nil means that nobody wants it any more.
func (a *AAC) supervise(ended <-chan struct{}) error {
	t := time.NewTicker(a.o.stall / 50)
	defer t.Stop()
	made, since := int64(0), time.Now()
	for {
		select {
		case <-a.quit:
			return nil
		case <-ended:
			a.failed.Store(true)
			return errEnded
		case now := <-t.C:
			if m := a.made.Load(); m != made || a.fed.Load()-m < enough {
				made, since = m, now
			} else if now.Sub(since) >= a.o.stall {
				a.failed.Store(true)
				return errStalled
			}
		}
	}
}

func (a *AAC) fail(err error, said []string) {
	a.failed.Store(true)
	a.o.Log.Warn("the AAC encoder of a stream failed", "err", err, "said", said, "dropped", a.dropped.Load())
}

// feed writes what comes to the child, as Ogg.
func (a *AAC) feed(w io.WriteCloser, ended <-chan struct{}) {
	defer w.Close()
	var o oggWriter
	buf := o.appendHead(nil, 2)
	if _, err := w.Write(buf); err != nil {
		return // the reader sees the end, too
	}
	for {
		select {
		case <-a.quit:
			return
		case <-ended:
			return
		case f := <-a.in:
			if buf = a.place(buf[:0], &o, f); len(buf) == 0 {
				continue
			}
			if _, err := w.Write(buf); err != nil {
				return
			}
		}
	}
}

// place appends a frame where it belongs: after silence if some came before is missing, and not at all if there
// is too much for the time. A long gap stays one.
func (a *AAC) place(b []byte, o *oggWriter, f *media.Frame) []byte {
	n := opusSamples(f.Payload)
	if n == 0 {
		return b
	}
	fed := a.fed.Load()
	a.mu.Lock()
	if len(a.anchors) == 0 {
		a.anchors = append(a.anchors, anchor{fed, f.PTS})
	}
	newest := a.anchors[len(a.anchors)-1]
	drift := samplesIn(f.PTS-newest.at) - (fed - newest.sample)
	if drift > longGap {
		a.anchors = append(a.anchors, anchor{fed, f.PTS})
		drift = 0
	}
	a.mu.Unlock()
	if drift <= -silenceSamples {
		return b
	}
	for ; drift >= silenceSamples; drift -= silenceSamples {
		b = o.appendPacket(b, opusSilence, silenceSamples)
		fed += silenceSamples
	}
	b = o.appendPacket(b, f.Payload, n)
	a.fed.Store(fed + n)
	return b
}

// read makes frames of what the child writes.
func (a *AAC) read(r io.Reader) error {
	in := bufio.NewReaderSize(r, 8<<10)
	var track *media.Track
	var config [2]byte
	for next := int64(-aacPriming); ; next += aacFrame {
		f, err := readADTS(in)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if track == nil || f.config != config {
			config = f.config
			track = &media.Track{
				ID: media.FirstAudio, Kind: media.Audio, Codec: media.AAC, Config: config[:],
				SampleRate: f.rate, Channels: 2, Bitrate: a.o.Bitrate,
			}
		}
		a.made.Store(next + 2*aacFrame)
		if at := a.timeOf(next); at >= 0 {
			a.write(&media.Frame{Track: track, DTS: at, PTS: at, Arrived: time.Now(), Key: true, Payload: f.payload})
		}
	}
}

// timeOf gives the time of a sample that the child was fed; one before the first is before it in time, too.
func (a *AAC) timeOf(sample int64) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.anchors) > 1 && a.anchors[1].sample <= sample {
		a.anchors = a.anchors[1:]
	}
	if len(a.anchors) == 0 {
		return -1
	}
	return a.anchors[0].at + durationOf(sample-a.anchors[0].sample)
}
