package transcode

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	slateLength = 2 * time.Second // of a loop; a key frame comes each second
	maxSlates   = 32              // formats whose slate is kept; one takes some hundred kilobytes
)

// SlateFormat is what a slate has in common with the stream it stands in for.
type SlateFormat struct {
	Codec         media.Codec
	Profile       byte // of H264, as its configuration says (ISO/IEC 14496-10 annex A); else 0
	Width, Height int  // even
	FrameRate     float64
}

// SlateFormatOf reads the format off a track whose frames come at a rate, which may be zero where the track
// itself says it.
func SlateFormatOf(t *media.Track, rate float64) SlateFormat {
	if t.FrameRate > 0 {
		rate = t.FrameRate
	}
	f := SlateFormat{Codec: t.Codec, Width: t.Width &^ 1, Height: t.Height &^ 1, FrameRate: min(max(usual(rate), 5), 60)}
	if t.Codec == media.H264 && len(t.Config) > 1 {
		f.Profile = t.Config[1]
	}
	return f
}

// usual gives the frame rate that a measured one most likely is.
func usual(rate float64) float64 {
	for _, r := range []float64{30, 60, 25, 50, 24, 15, 20} {
		if math.Abs(rate-r) < r/25 {
			return r
		}
	}
	return math.Round(rate)
}

// Slate is a short loop of moving pictures that stands in for a stream whose encoder is lost. It is
// immutable.
type Slate struct {
	Track  *media.Track
	Frames []SlateFrame  // the first is a key frame; none refers to what comes after it
	Every  time.Duration // from one frame to the next
}

// SlateFrame is a coded picture.
type SlateFrame struct {
	Payload []byte
	Key     bool
}

// Slates makes slates in the background, one at a time, and keeps them.
type Slates struct {
	ffmpeg func() *FFmpeg
	log    *slog.Logger
	ctx    context.Context
	stop   context.CancelFunc
	wg     sync.WaitGroup
	turn   sync.Mutex // whose child runs

	mu    sync.Mutex
	made  map[SlateFormat]*slateEntry
	count uint64 // of uses, to tell the oldest
	said  bool   // that there is no ffmpeg
}

// slateEntry is a slate that is kept, is being made, or cannot be made.
type slateEntry struct {
	slate *Slate // nil unless it is made
	used  uint64
}

// NewSlates makes none yet. ffmpeg gives the program, or nil while there is none.
func NewSlates(ffmpeg func() *FFmpeg, log *slog.Logger) *Slates {
	s := &Slates{ffmpeg: ffmpeg, log: log, made: map[SlateFormat]*slateEntry{}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Close ends the child that may be running, and returns when it is gone. Nothing is made after it.
func (s *Slates) Close(context.Context) error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// Slate gives the slate of a format, or nil while it is being made, which the first call begins. It never
// waits. Where no slate can be made it says so once and gives nil for ever.
func (s *Slates) Slate(f SlateFormat) *Slate {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if e := s.made[f]; e != nil {
		e.used = s.count
		return e.slate
	}
	if s.ctx.Err() != nil {
		return nil
	}
	program := s.ffmpeg()
	if program == nil {
		if !s.said {
			s.said = true
			s.log.Warn("there is no ffmpeg to make slates with: the playlist of a channel whose encoder is lost pauses")
		}
		return nil
	}
	if len(s.made) >= maxSlates {
		s.forget()
	}
	e := &slateEntry{used: s.count}
	s.made[f] = e
	s.wg.Go(func() {
		s.turn.Lock()
		defer s.turn.Unlock()
		s.mu.Lock()
		wanted := s.made[f] == e
		s.mu.Unlock()
		if !wanted { // so many others were that it is forgotten
			return
		}
		made, err := program.makeSlate(s.ctx, f)
		switch {
		case s.ctx.Err() != nil:
		case err != nil:
			s.log.Warn("no slate can be made: the playlists of such streams pause while their encoder is lost",
				"codec", f.Codec, "width", f.Width, "height", f.Height, "err", err)
		default:
			s.log.Debug("a slate is made", "codec", f.Codec, "width", f.Width, "height", f.Height, "rate", f.FrameRate)
			s.mu.Lock()
			e.slate = made
			s.mu.Unlock()
		}
	})
	return nil
}

// forget makes room for one more. The caller holds mu.
func (s *Slates) forget() {
	var oldest SlateFormat
	used := uint64(math.MaxUint64)
	for f, e := range s.made {
		if e.used < used {
			oldest, used = f, e.used
		}
	}
	delete(s.made, oldest)
}
