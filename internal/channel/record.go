package channel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// Record is the document kept with a stream session's row: what the channel was at go-live, what came
// in, and what happened.
type Record struct {
	Channel  Spec
	Protocol string
	Live     bool // a first frame came: Stream Start was told, Stream End is owed
	Encoder  string
	Video    *TrackRecord
	Audio    *TrackRecord
	// Videos and Audios are all tracks, the best first; Video and Audio are the first of each.
	Videos, Audios []TrackRecord `json:",omitempty"`
	Starving       bool          `json:",omitempty"` // Starvation Start was told, Starvation End is owed
	Advice         []string      `json:",omitempty"` // codes of the encoder coach of which a start was told and no end; they end with the stream
	Events         []Happening   // the newest 500, oldest first
}

// TrackRecord is what is kept of a track.
type TrackRecord struct {
	Codec               string // RFC 6381 form, such as "avc1.42C01F"
	Width, Height       int
	FrameRate           float64
	SampleRate, Channel int
	Bitrate             media.Bitrate
}

// create writes the session's row and Session Created.
func (m *Manager) create(ctx context.Context, s *session) error {
	begun := happened("Session Created", stateChange, s.created)
	doc, err := json.Marshal(Record{Channel: s.spec, Protocol: s.protocol, Events: []Happening{begun.Happening}})
	if err != nil {
		return err
	}
	return m.d.DB.Tx(ctx, func(ctx context.Context) error {
		err := m.d.DB.InsertStreamSession(ctx, store.StreamSession{
			StreamID: s.id, ChannelARN: s.spec.ARN, Started: s.created, Doc: doc, Node: m.d.Node,
		})
		if err != nil {
			return err
		}
		return m.tell(ctx, s, begun)
	})
}

// record changes what is written of a session that has not ended, and tells what edit gives of it, in
// one transaction. edit may run more than once. A session that has ended, and one that the store never
// took, are left alone: then it is not ok, and no end is told twice.
func (m *Manager) record(ctx context.Context, s *session, edit func(*store.StreamSession, *Record) []tale) (ok bool, err error) {
	err = m.d.DB.Tx(ctx, func(ctx context.Context) error {
		var tales []tale
		ok = false
		err := m.d.DB.UpdateStreamSession(ctx, s.id, func(row *store.StreamSession) error {
			tales = nil
			if !row.Ended.IsZero() {
				return nil
			}
			ok = true
			return change(row, func(r *Record) {
				tales = edit(row, r)
				for _, t := range tales {
					r.Events = append(r.Events, t.Happening)
				}
				r.Events = r.Events[max(0, len(r.Events)-maxEvents):]
			})
		})
		if fault.Of(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		for _, t := range tales {
			if err := m.tell(ctx, s, t); err != nil {
				return err
			}
		}
		return nil
	})
	return ok && err == nil, err
}

// announce writes that the first frame came, and Stream Start.
func (m *Manager) announce(log *slog.Logger, s *session) {
	m.persist(log, "start", func(ctx context.Context) error { return m.start(ctx, s) })
	m.wake()
	video, _ := s.tracks()
	log.Info("stream is live", "video", describe(video), "encoder", s.encoder())
}

// start writes Stream Start, once: a session that is told to be live, or that ended, is left alone.
func (m *Manager) start(ctx context.Context, s *session) error {
	_, err := m.record(ctx, s, s.goLive)
	return err
}

// goLive notes the first frame in a session's row, unless it is noted or did not come.
func (s *session) goLive(row *store.StreamSession, r *Record) []tale {
	at := s.startedAt()
	if r.Live || at.IsZero() {
		return nil
	}
	video, audio := s.tracks()
	row.Started = at
	r.Live, r.Encoder, r.Video, r.Audio = true, s.encoder(), trackRecord(video), trackRecord(audio)
	s.noteRenditions(r)
	tales := []tale{happened("Stream Start", stateChange, at)}
	if s.spec.RecordingARN != "" {
		tales = append(tales, notRecorded(at))
	}
	return tales
}

// noteTracks writes down a track that came after the first frame: picture and sound seldom come together.
func (m *Manager) noteTracks(ctx context.Context, s *session) error {
	video, audio := s.tracks()
	_, err := m.record(ctx, s, func(_ *store.StreamSession, r *Record) []tale {
		if r.Video == nil {
			r.Video = trackRecord(video)
		}
		if r.Audio == nil {
			r.Audio = trackRecord(audio)
		}
		s.noteRenditions(r)
		return nil
	})
	return err
}

// finish writes the session's end: Stream End if it was live, and Session Ended. Before, it tells a
// Stream Start that the store did not take in time, the end of a starvation, and the failure that ended
// the stream if there was one. The code of a misfit goes with Session Ended.
func (m *Manager) finish(ctx context.Context, s *session, at time.Time, failure string) error {
	_, reason := s.newest()
	code := ""
	if m := (*misfit)(nil); errors.As(reason, &m) {
		code = m.code
	}
	return m.end(ctx, s, at, failure, code)
}

func (m *Manager) end(ctx context.Context, s *session, at time.Time, failure, code string) error {
	_, err := m.record(ctx, s, func(row *store.StreamSession, r *Record) []tale {
		tales := s.goLive(row, r)
		row.Ended = at
		if r.Starving {
			r.Starving = false
			tales = append(tales, happened("Starvation End", healthChange, at))
		}
		if failure != "" {
			tales = append(tales, happened("Stream Failure", stateChange, at).with("reason", failure))
		}
		if r.Live {
			tales = append(tales, happened("Stream End", stateChange, at))
		}
		ended := happened("Session Ended", stateChange, at)
		ended.Code = code
		return append(tales, ended)
	})
	return err
}

func change(row *store.StreamSession, edit func(*Record)) error {
	var r Record
	if err := json.Unmarshal(row.Doc, &r); err != nil {
		return fmt.Errorf("stream session %s: %w", row.StreamID, err)
	}
	edit(&r)
	doc, err := json.Marshal(r)
	row.Doc = doc
	return err
}

// persist tries until the store takes a change; a manager that closes lets it try for five more seconds.
// What is lost then is made good by Recover when the process starts again: the session's row still
// stands open.
func (m *Manager) persist(log *slog.Logger, what string, write func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-m.closed:
			time.AfterFunc(5*time.Second, cancel)
		case <-ctx.Done():
		}
	}()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		try, done := context.WithTimeout(ctx, 20*time.Second)
		err := write(try)
		done()
		if err == nil {
			return
		}
		m.metrics.unwritten.Inc()
		log.Error("could not write a stream session down, trying again", "what", what, "err", err)
		select {
		case <-ctx.Done():
			log.Error("a stream session's change is not written; the next start will make it good", "what", what)
			return
		case <-time.After(wait):
		}
	}
}

func trackRecord(t *media.Track) *TrackRecord {
	if t == nil {
		return nil
	}
	return &TrackRecord{
		Codec: t.RFC6381(), Width: t.Width, Height: t.Height, FrameRate: t.FrameRate,
		SampleRate: t.SampleRate, Channel: t.Channels, Bitrate: t.Bitrate,
	}
}

func describe(t *media.Track) string {
	if t == nil {
		return "none"
	}
	return fmt.Sprintf("%s %dx%d", t.Codec, t.Width, t.Height)
}
