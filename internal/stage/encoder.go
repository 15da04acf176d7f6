package stage

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

const (
	// deadEncoder is after how much silence another encoder may come with the same key. It is that of channels.
	deadEncoder  = 3 * time.Second
	lookEach     = 250 * time.Millisecond
	measureFor   = 10 * time.Second // a bitrate: one key frame must not count as one
	encoderBytes = 8 << 20          // of frames that wait to be packets
)

// encoder is what comes by RTMP for one publication: its frames become packets of RTP, as of any publisher. It
// is the publication's rtc.Peer, but for key frames: RTMP has no way to ask for one, so they come when they come.
type encoder struct {
	m      *Manager
	pub    *publication
	stream *media.Stream
	reader *media.Reader // of stream, from its beginning on

	admitted time.Time
	heard    atomic.Int64 // when the newest frame came, Unix nanoseconds; at first, when it was admitted
	seen     atomic.Bool  // a picture came
	sounded  atomic.Bool  // sound came

	// Of run's goroutine.
	renditions map[int]*rendition // of the picture, by the track's ID; nil: one that is left out
	origin     time.Time          // when the timeline is at zero; zero before the first frame
	sound      sound
}

func newEncoder(m *Manager, protocol string) *encoder {
	e := &encoder{m: m, stream: media.NewStream(), admitted: m.now(), renditions: map[int]*rendition{}}
	e.reader = e.stream.NewReader(media.ReaderOptions{Bytes: encoderBytes})
	e.pub = &publication{protocol: protocol}
	e.pub.busy = e.delivers
	e.sound.e, e.sound.meter.most = e, m.d.Encoders.MaxSound
	e.heard.Store(e.admitted.UnixNano())
	return e
}

// KeyFrame can ask nobody.
func (e *encoder) KeyFrame(uint32) {}

// Close ends the stream, and so the connection, whose encoder is told the reason.
func (e *encoder) Close(reason error) { e.stream.Stop(reason) }

func (e *encoder) silence() time.Duration { return e.m.now().Sub(time.Unix(0, e.heard.Load())) }

func (e *encoder) delivers() bool { return e.stream.Err() == nil && e.silence() < deadEncoder }

// run is the stream's life.
func (e *encoder) run() {
	var watching sync.WaitGroup
	watching.Go(e.watch)
	for {
		frames, err := e.reader.Next(context.Background()) // until the stream ends
		if err == nil {
			err = e.takeAll(frames)
		}
		if err != nil {
			e.stream.Stop(err) // if it has not
			break
		}
	}
	watching.Wait()
	e.sound.close()
	e.reader.Close()
	reason := e.stream.Err()
	e.blame(reason)
	e.pub.Ended(reason)
}

// blame writes down what an encoder did wrong.
func (e *encoder) blame(reason error) {
	var v *violation
	code := ""
	if errors.As(reason, &v) {
		code = v.code
	} else if fault.Of(reason) == fault.Invalid { // ingest could not read it
		code = "INVALID_INPUT"
	}
	if code == "" {
		return
	}
	st := e.pub.st
	st.lock()
	defer st.unlock()
	if !e.pub.over {
		st.fail(e.pub.mem.seat.ParticipantID, "PUBLISH_ERROR", code, "")
	}
}

// violation is what an encoder does that a stage does not take.
type violation struct {
	code  string // the event's, in the API's words
	fault *fault.Error
}

func (v *violation) Error() string { return v.fault.Error() }

// Unwrap gives the fault, whose message the encoder is shown.
func (v *violation) Unwrap() error { return v.fault }

func (e *encoder) takeAll(frames []*media.Frame) error {
	for _, f := range frames {
		if err := e.take(f); err != nil {
			return err
		}
	}
	return nil
}

// take makes packets of a frame.
func (e *encoder) take(f *media.Frame) error {
	e.heard.Store(f.Arrived.UnixNano())
	if e.origin.IsZero() {
		e.origin = f.Arrived.Add(-f.PTS)
	}
	if f.Track.Kind == media.Audio {
		return e.sound.take(f)
	}
	return e.picture(f)
}

// watch looks after the stream until it ends.
func (e *encoder) watch() {
	t := time.NewTicker(lookEach)
	defer t.Stop()
	measured, bytes := e.admitted, int64(0)
	silent := false
	for {
		select {
		case <-e.stream.Done():
			return
		case <-t.C:
		}
		now := e.m.now()
		err := e.look(now)
		if took := now.Sub(measured); err == nil && took >= measureFor {
			_, written := e.stream.Written()
			if rate := media.Bitrate(float64(written-bytes) * 8 / took.Seconds()); rate > e.m.d.Encoders.MaxBitrate {
				most := e.m.d.Encoders.MaxBitrate
				err = &violation{"BITRATE_EXCEEDED", fault.OverQuota(int(most), "the encoder sends %v; %v are allowed", rate, most)}
			}
			measured, bytes = now, written
		}
		if err != nil {
			e.stream.Stop(err)
			return
		}
		if is := e.silence() > e.m.d.Encoders.Silence; is != silent {
			silent = is
			e.pub.rests(silent)
		}
	}
}

// look says what is wrong with the stream as a whole.
func (e *encoder) look(now time.Time) error {
	rules, age := &e.m.d.Encoders, now.Sub(e.admitted)
	if age > rules.Introduction && !(e.seen.Load() && e.sounded.Load()) {
		missing := "picture"
		if e.seen.Load() {
			missing = "sound"
		}
		return &violation{"INVALID_INPUT", fault.InvalidInput("a stage needs both picture and sound, and no %s came", missing)}
	}
	if rules.MaxTime > 0 && age > rules.MaxTime {
		return tooLong(rules.MaxTime)
	}
	return nil
}
