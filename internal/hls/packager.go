// Package hls makes a live stream watchable by Low-Latency HLS (draft-pantos-hls-rfc8216bis): it cuts
// frames into fMP4 parts and segments, keeps the newest of them in memory, and serves them over HTTP.
//
// A Packager is one rendition of one channel and outlives the channel's single stream sessions: its
// playlist URL stays the same, and media sequence numbers never go back, not even over a restart of
// the server. Each Run adds one session to its Window. Nothing here decides who may watch.
//
// One goroutine writes (Run); readers take no lock: a Window publishes immutable snapshots.
package hls

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

// Options says what a Packager is made with. Zero values are sensible defaults.
type Options struct {
	Log     *slog.Logger     // with the channel's name in it; default discards
	Metrics *Metrics         // shared by all packagers of a process; nil counts nothing
	Now     func() time.Time // default time.Now

	// Discontinuity is the discontinuity sequence number to begin with. After a restart of the server it
	// must be above all that the channel has used. It must stay small all the same: hls.js (1.7) keeps an
	// array by this number and walks it from zero with every playlist, so that a million stalls a phone.
	Discontinuity uint64

	// Keep is told, with each part, what a later packager of the channel needs to go on with the playlists if
	// this process is killed, and nil when they have ended. The bytes are valid during the call only, and it
	// must not wait for anything. Past is what it was told last; nil: the playlists begin anew.
	Keep func(past []byte)
	Past []byte

	// MaxBytes caps what the window holds, default 64 MiB. It must be many times a frame's size.
	MaxBytes int
}

// Packager turns the frames of one channel into a Window.
type Packager struct {
	*Window
	log  *slog.Logger
	now  func() time.Time
	turn chan struct{} // holds one token: whose Run it is
}

// New makes a packager without media.
func New(o Options) *Packager {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	p := &Packager{Window: newWindow(o), log: o.Log, now: o.Now, turn: make(chan struct{}, 1)}
	p.turn <- struct{}{}
	return p
}

// Run packages what r reads until its stream or ctx ends: one session of the channel. It returns nil
// for an orderly end of the stream, else the reason. What was packaged stays in the window, and the
// playlist stops growing until the next Run. Runs of one Packager follow each other: a second waits
// for the first to return. Run does not close r.
func (p *Packager) Run(ctx context.Context, r *media.Reader) error {
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()

	s := newSession(p.Window, p.log, p.now)
	defer s.finish()
	lost := lossReport{packager: p, reader: r}
	for {
		frames, err := r.Next(ctx)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if s.videos == 0 {
			s.videos = max(1, r.Info().Videos)
		}
		for _, f := range frames {
			if err := s.frame(f); err != nil {
				return err
			}
		}
		lost.look()
		r.Until(s.nextCut())
		r.Want(s.nextFrame())
	}
}

// lossReport counts the frames that a packager which fell behind has lost, and says so once per second.
type lossReport struct {
	packager *Packager
	reader   *media.Reader
	known    int64
	begun    bool
	said     time.Time
}

// look is called after each batch of frames. What was dropped before the first, waiting for a key frame,
// is no loss.
func (l *lossReport) look() {
	dropped := l.reader.Dropped()
	lost := dropped - l.known
	l.known = dropped
	if !l.begun {
		l.begun = true
		return
	}
	if lost == 0 {
		return
	}
	l.packager.metrics.lost(lost)
	if now := l.packager.now(); now.Sub(l.said) >= time.Second {
		l.packager.log.Warn("packager fell behind and lost frames", "lost", lost)
		l.said = now
	}
}
