package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

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
	Events   []Happening // oldest first
}

// TrackRecord is what is kept of a track.
type TrackRecord struct {
	Codec               string // RFC 6381 form, such as "avc1.42C01F"
	Width, Height       int
	FrameRate           float64
	SampleRate, Channel int
	Bitrate             media.Bitrate
}

// Happening is one event in a session's life, in the words of EventBridge.
type Happening struct {
	Name string // such as "Stream Start"
	Type string // detail-type
	Time time.Time
	Code string `json:",omitempty"` // why, where AWS has a word for it
}

const stateChange = "IVS Stream State Change"

// create writes the session's row and Session Created.
func (m *Manager) create(ctx context.Context, s *session) error {
	r := Record{Channel: s.spec, Protocol: s.protocol}
	r.Events = append(r.Events, Happening{Name: "Session Created", Type: stateChange, Time: s.created})
	doc, err := json.Marshal(r)
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
		return m.tell(ctx, s, "Session Created", s.created)
	})
}

// announce writes that the first frame came, and Stream Start.
func (m *Manager) announce(log *slog.Logger, s *session) {
	m.persist(log, "start", func(ctx context.Context) error { return m.start(ctx, s) })
	m.wake()
	video, _ := s.tracks()
	log.Info("stream is live", "video", describe(video), "encoder", s.stream.Info().Encoder)
}

// start writes Stream Start, once: a session that is told to be live, or that ended, is left alone.
func (m *Manager) start(ctx context.Context, s *session) error {
	return m.d.DB.Tx(ctx, func(ctx context.Context) error {
		owed := false
		err := m.d.DB.UpdateStreamSession(ctx, s.id, func(row *store.StreamSession) error {
			owed = false
			if !row.Ended.IsZero() {
				return nil
			}
			return change(row, func(r *Record) { owed = s.goLive(row, r) })
		})
		if err != nil || !owed {
			return err
		}
		return m.tell(ctx, s, "Stream Start", s.startedAt())
	})
}

// goLive notes the first frame in a session's row, unless it is noted or did not come.
func (s *session) goLive(row *store.StreamSession, r *Record) bool {
	at := s.startedAt()
	if r.Live || at.IsZero() {
		return false
	}
	video, audio := s.tracks()
	row.Started = at
	r.Live, r.Encoder, r.Video, r.Audio = true, s.stream.Info().Encoder, trackRecord(video), trackRecord(audio)
	r.Events = append(r.Events, Happening{Name: "Stream Start", Type: stateChange, Time: at})
	return true
}

// finish writes the session's end: Stream End if it was live, and Session Ended. A Stream Start that the
// store did not take in time is told before. A session that has ended already is left alone, so that no
// end is told twice; so is one that the store never took.
func (m *Manager) finish(ctx context.Context, s *session, at time.Time) error {
	return m.d.DB.Tx(ctx, func(ctx context.Context) error {
		var owed []Happening
		err := m.d.DB.UpdateStreamSession(ctx, s.id, func(row *store.StreamSession) error {
			owed = nil
			if !row.Ended.IsZero() {
				return nil
			}
			row.Ended = at
			return change(row, func(r *Record) {
				if s.goLive(row, r) {
					owed = append(owed, Happening{Name: "Stream Start", Type: stateChange, Time: s.startedAt()})
				}
				ends := []Happening{{Name: "Session Ended", Type: stateChange, Time: at}}
				if r.Live {
					ends = append([]Happening{{Name: "Stream End", Type: stateChange, Time: at}}, ends...)
				}
				r.Events = append(r.Events, ends...)
				owed = append(owed, ends...)
			})
		})
		if fault.Of(err) == fault.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		for _, h := range owed {
			if err := m.tell(ctx, s, h.Name, h.Time); err != nil {
				return err
			}
		}
		return nil
	})
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

// tell puts a stream state change into the outbox.
func (m *Manager) tell(ctx context.Context, s *session, name string, at time.Time) error {
	detail, err := json.Marshal(struct {
		EventName   string `json:"event_name"`
		ChannelName string `json:"channel_name"`
		StreamID    string `json:"stream_id"`
	}{name, s.spec.Name, s.id})
	if err != nil {
		return err
	}
	return m.d.DB.AppendEvent(ctx, store.Event{
		ID: uuid.NewString(), DetailType: stateChange, Resources: []string{s.spec.ARN}, Time: at, Detail: detail,
	})
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
