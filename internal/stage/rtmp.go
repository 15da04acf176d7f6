package stage

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
)

// EncoderRules is what holds for encoders that come by RTMP; MaxSound, MaxLines and MaxTime also for those who publish by WebRTC,
// and MaxTime for those who watch. Zero values are the defaults.
type EncoderRules struct {
	// Opus makes a sink for frames of AAC that gives Opus of them to write, in order. Its error is a fault whose
	// message the encoder is shown: Invalid for sound of which there is none to be made. No sink and no error: it
	// cannot be told yet, ask with the next frame. Nil: AAC is refused.
	Opus func(track *media.Track, write func(*media.Frame)) (rtc.AudioSink, error)

	EnforceSecure  bool // who comes without encryption needs insecureIngest
	ExceptLoopback bool // but from this machine

	MaxBitrate media.Bitrate // of all tracks, over ten seconds; default 20 Mb/s, as of WebRTC
	MaxSound   media.Bitrate // of the sound, over ten seconds; 0: any
	MaxLines   int           // of the picture's shorter edge; 0: any
	MaxTime    time.Duration // of one session; 0: any

	Introduction time.Duration // for picture and sound to have come; default 10 s
	Silence      time.Duration // after which one of a redundant ingest is replaced; default 2 s
}

func (r *EncoderRules) defaults() {
	if r.MaxBitrate <= 0 {
		r.MaxBitrate = 20_000_000
	}
	if r.Introduction <= 0 {
		r.Introduction = 10 * time.Second
	}
	if r.Silence <= 0 {
		r.Silence = 2 * time.Second
	}
}

// secures says whether a publisher at that address must encrypt, unless its configuration says otherwise.
func (r *EncoderRules) secures(from netip.Addr) bool {
	return r.EnforceSecure && !(r.ExceptLoopback && from.Unmap().IsLoopback())
}

// takes says whether a picture may have so many pixels. Its error is a violation.
func (r *EncoderRules) takes(width, height int) error {
	if most := r.MaxLines; most > 0 && min(width, height) > most {
		return &violation{"RESOLUTION_EXCEEDED", fault.OverQuota(most, "the picture has %d x %d pixels; its shorter edge is limited to %d", width, height, most)}
	}
	return nil
}

// tooLong is why a session ends that has lasted for as long as it may.
func tooLong(most time.Duration) error {
	return &violation{"STREAM_DURATION_EXCEEDED", fault.OverQuota(int(most.Hours()), "a session on a stage lasts at most %v", most)}
}

// reordered is why a stream ends whose pictures do not come in the order in which they are shown.
func reordered() error {
	return &violation{"B_FRAME_PRESENT", fault.InvalidInput("the video has B-frames, which a stage cannot show: set their number to 0 in the encoder")}
}

var (
	errKeyInUse = fault.InConflict("this stream key is live already")
	errInsecure = fault.AccessDenied("this ingest configuration takes only encrypted streams: use rtmps, or allow insecureIngest")
)

// RTMP gives the gate for stream keys of ingest configurations that come by RTMP.
func (m *Manager) RTMP() media.Gate { return rtmpGate{m} }

type rtmpGate struct{ m *Manager }

// Admit makes the bearer of a stream key a participant that publishes. While an encoder delivers, a second one
// with its key is refused, as with channels; WebRTC has no such rule, so that pages can be loaded anew.
func (g rtmpGate) Admit(ctx context.Context, p media.Publisher) (*media.Stream, error) {
	if !isKey(p.Key) {
		return nil, fault.Missing("this is not the stream key of a stage")
	}
	m := g.m
	e := newEncoder(m, p.Protocol)
	judge := m.byKey(p.Key, func(auth.Seat) error { return nil })
	err := m.publish(ctx, e.pub, judge, "", func(st *stage, mem *member, in Ingest) error {
		if !p.Encrypted && !in.Insecure && m.d.Encoders.secures(p.Remote.Addr()) {
			st.fail(in.ParticipantID, "PUBLISH_ERROR", "INVALID_PROTOCOL", "")
			return errInsecure
		}
		if mem.publish.busy() {
			st.fail(in.ParticipantID, "PUBLISH_ERROR", "REUSE_OF_STREAM_KEY", "")
			return errKeyInUse
		}
		return nil
	})
	if err != nil {
		e.reader.Close()
		var refusal *rtc.Refusal
		if errors.As(err, &refusal) {
			err = refusal.Fault
		}
		return nil, err
	}
	e.pub.Start(e)
	if !m.spawn(e.run) {
		e.pub.Ended(errDraining)
		e.reader.Close()
		return nil, errDraining
	}
	return e.stream, nil
}
