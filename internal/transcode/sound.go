package transcode

import (
	"errors"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	queued = 256             // frames that wait for the child: five seconds of usual ones
	stall  = 5 * time.Second // without output, with a second of input
	logged = 5               // lines of what the child said
)

// sound is what children that make one codec of another of a stream's sound have in common: a queue before
// them, a clock, and somebody who sees whether they work.
type sound struct {
	ffmpeg *FFmpeg
	name   string // for the log, such as "AAC encoder"
	log    *slog.Logger
	stall  time.Duration
	rate   int64 // samples per second of what it is fed

	in      chan *media.Frame
	quit    chan struct{}
	done    chan struct{} // closed when the child is gone
	once    sync.Once
	failed  atomic.Bool
	dropped atomic.Int64 // frames for which the queue had no room
	fed     atomic.Int64 // samples
	made    atomic.Int64 // samples, at the rate of what it is fed

	mu      sync.Mutex
	anchors []anchor // the first is the one in force
}

// anchor says that a sample, counted over what the child was fed, is at a time of the stream.
type anchor struct {
	sample int64
	at     time.Duration
}

func (s *sound) init(f *FFmpeg, name string, rate int64, log *slog.Logger, stalled time.Duration) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if stalled <= 0 {
		stalled = stall
	}
	s.ffmpeg, s.name, s.rate, s.log, s.stall = f, name, rate, log, stalled
	s.in, s.quit, s.done = make(chan *media.Frame, queued), make(chan struct{}), make(chan struct{})
}

// Frame takes the next frame and never waits: what the child has no time for is left out. It is false once
// the child is gone.
func (s *sound) Frame(f *media.Frame) bool {
	if s.failed.Load() {
		return false
	}
	select {
	case s.in <- f:
	default:
		s.dropped.Add(1)
	}
	return true
}

// Close ends the child and waits until it is gone. Nothing is written afterwards. It may be called more
// than once.
func (s *sound) Close() {
	s.once.Do(func() { close(s.quit) })
	<-s.done
}

var (
	errStalled = errors.New("it stalled")
	errEnded   = errors.New("it ended by itself")
)

// run is a child's life. What feed writes goes to it, and read reads what it makes.
func (s *sound) run(feed func(io.Writer, <-chan struct{}), read func(io.Reader) error, args ...string) {
	defer close(s.done)
	c, err := s.ffmpeg.start(args...)
	if err != nil {
		s.fail(err, nil)
		return
	}
	ended := make(chan struct{})
	var both sync.WaitGroup
	var wrong error
	both.Go(func() {
		wrong = read(c.stdout)
		close(ended)
	})
	both.Go(func() {
		defer c.stdin.Close()
		feed(c.stdin, ended)
	})
	err = s.supervise(ended)
	c.kill()
	both.Wait()
	exit := c.wait()
	if err == nil {
		return // closed
	}
	if errors.Is(err, errEnded) {
		err = errors.Join(wrong, exit)
	}
	s.fail(err, c.said.lines(logged))
}

// supervise waits until the child has to go; nil means that nobody wants it any more.
func (s *sound) supervise(ended <-chan struct{}) error {
	t := time.NewTicker(s.stall / 50)
	defer t.Stop()
	made, since := int64(0), time.Now()
	for {
		select {
		case <-s.quit:
			return nil
		case <-ended:
			s.failed.Store(true)
			return errEnded
		case now := <-t.C:
			if m := s.made.Load(); m != made || s.fed.Load()-m < s.rate {
				made, since = m, now
			} else if now.Sub(since) >= s.stall {
				s.failed.Store(true)
				return errStalled
			}
		}
	}
}

func (s *sound) fail(err error, said []string) {
	s.failed.Store(true)
	s.log.Warn("the "+s.name+" of a stream failed", "err", err, "said", said, "dropped", s.dropped.Load())
}

// each writes what place makes of the frames that come, until the child ends or is not wanted any more. Its
// beginning comes first.
func (s *sound) each(w io.Writer, ended <-chan struct{}, beginning []byte, place func([]byte, *media.Frame) []byte) {
	buf := beginning
	for {
		if len(buf) > 0 {
			if _, err := w.Write(buf); err != nil {
				return // the reader sees the end, too
			}
		}
		select {
		case <-s.quit:
			return
		case <-ended:
			return
		case f := <-s.in:
			buf = place(buf[:0], f)
		}
	}
}

// drift gives how many samples are missing between what the child was fed and a frame: less than zero if
// there is too much for the time. After a gap longer than most it is zero, since the frame is an anchor then.
func (s *sound) drift(f *media.Frame, most int64) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	fed := s.fed.Load()
	if len(s.anchors) > 0 {
		newest := s.anchors[len(s.anchors)-1]
		if drift := samplesIn(f.PTS-newest.at, s.rate) - (fed - newest.sample); drift <= most {
			return drift
		}
	}
	s.anchors = append(s.anchors, anchor{fed, f.PTS})
	return 0
}

// timeOf gives the time of a sample that the child was fed; one before the first is before it in time, too.
func (s *sound) timeOf(sample int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.anchors) > 1 && s.anchors[1].sample <= sample {
		s.anchors = s.anchors[1:]
	}
	if len(s.anchors) == 0 {
		return -1
	}
	return s.anchors[0].at + durationOf(sample-s.anchors[0].sample, s.rate)
}
