package channel

import (
	"context"
	"log/slog"
	"time"

	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/transcode"
)

// Slates gives what viewers see while a stream waits for its encoder. *transcode.Slates is one.
type Slates interface {
	// Slate gives the slate of a format; nil while it is being made, or where there is none. It never waits.
	Slate(f transcode.SlateFormat) *transcode.Slate
}

// meter measures the frame rate of a video track.
type meter struct {
	track       *media.Track
	frames      int
	first, last time.Duration
}

func (m *meter) frame(f *media.Frame) {
	if m.track != f.Track || f.DTS < m.last {
		*m = meter{track: f.Track, first: f.DTS}
	}
	m.frames++
	m.last = f.DTS
}

// rate is in frames per second; 0 before two seconds have come.
func (m *meter) rate() float64 {
	if took := m.last - m.first; took >= 2*time.Second {
		return float64(m.frames-1) / took.Seconds()
	}
	return 0
}

// slate gives the slate that fits what the session's encoder last sent; nil if there is none, or none yet.
func (m *Manager) slate(s *session) *transcode.Slate {
	if m.d.Slates == nil {
		return nil
	}
	s.mu.Lock()
	video, rate := s.video, s.rate.rate()
	s.mu.Unlock()
	if video == nil || video.FrameRate == 0 && rate == 0 {
		return nil
	}
	return m.d.Slates.Slate(transcode.SlateFormatOf(video, rate))
}

// prepare has the slate of a session made before it is needed. The caller comes often.
func (m *Manager) prepare(s *session) {
	s.mu.Lock()
	video := s.video
	known := video == s.prepared || video == nil || video.FrameRate == 0 && s.rate.rate() == 0
	if !known {
		s.prepared = video
	}
	s.mu.Unlock()
	if !known {
		m.slate(s)
	}
}

// show has a slate packaged until the function it gives is called, which returns when the last of it is.
func (m *Manager) show(c *channel, s *session, slate *transcode.Slate, log *slog.Logger) (end func()) {
	log.Info("viewers see a slate")
	s.slating.Store(true)
	_, sound := s.tracks()
	stream := media.NewStream()
	reader := stream.NewReader(media.ReaderOptions{})
	ctx, cancel := context.WithCancel(context.Background())
	packed := make(chan struct{})
	go func() {
		defer close(packed)
		defer reader.Close()
		if err := c.pack.Run(context.Background(), reader); err != nil {
			log.Error("packaging a slate failed", "err", err)
		}
	}()
	played := make(chan struct{})
	go func() {
		defer close(played)
		defer stream.Close()
		play(ctx, slate, sound, stream, m.d.Now)
	}()
	return func() {
		cancel()
		<-played
		<-packed
		s.slating.Store(false)
	}
}

// play writes a slate into a stream in real time, with silence in the format of sound if that is not nil,
// until ctx ends.
func play(ctx context.Context, slate *transcode.Slate, sound *media.Track, to *media.Stream, now func() time.Time) {
	var silence []byte
	var each, heard time.Duration
	if sound != nil {
		silence, each = hls.Silence(sound)
	}
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; ; n++ {
		at := time.Duration(n) * slate.Every
		timer.Reset(time.Until(begun.Add(at)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		picture := &slate.Frames[n%len(slate.Frames)]
		if to.Write(&media.Frame{Track: slate.Track, DTS: at, PTS: at, Arrived: now(), Key: picture.Key, Payload: picture.Payload}) != nil {
			return
		}
		for ; each > 0 && heard <= at; heard += each {
			if to.Write(&media.Frame{Track: sound, DTS: heard, PTS: heard, Arrived: now(), Key: true, Payload: silence}) != nil {
				return
			}
		}
	}
}
