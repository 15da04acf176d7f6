package hls

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"math"
	"math/bits"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	audioPatience = time.Second      // how much video a session start holds back while no audio has come
	heldFrames    = 1024             // and how many frames at most; their bytes are bounded, too
	jump          = 3 * second       // a step of the timestamps that begins a new stretch of the timeline
	audioSlack    = 30 * millisecond // how far audio timestamps may be off before frames are added or left out
	audioMissing  = second           // how far audio may lag behind video before silence is put in
	audioMaxLag   = 4 * second       // and how far, once audio has come too late for that
)

// session packages the frames of one Run: it decides the tracks, and puts each frame on the timeline.
type session struct {
	log *slog.Logger
	now func() time.Time
	cut *cutter
	id  string

	videos  int            // renditions that the publisher means to send
	held    []*media.Frame // until the tracks are known
	weight  int            // bytes of held
	started bool
	inits   uint64

	layers  []*layer  // the stream's renditions: those of its start from the best down, then as they came
	lead    *layer    // the one that decides where parts and segments end
	carried []*layer  // by lane: whose rendition it carries
	planned []*layer  // and whose from the next initialization section on
	waiting []waiting // for other renditions to come as far
	pieces  []piece
	rates   []float64
	unfit   *media.Track // a rendition that cannot be packaged, said once

	audio   *audioFormat // nil: none yet
	late    *audioFormat // audio that the next key frame brings in
	refused *media.Track // audio that cannot be packaged, said once

	origin    time.Duration // the frame time that is at base
	base      ticks
	newest    ticks // the latest decoding time of any frame so far
	lastKey   ticks // the decoding time of the last key frame
	gop       ticks // and its distance to the one before
	waitKey   bool  // after a jump: nothing is taken before the next key frame
	audioEnd  int64 // where the last audio sample ends, in audio units; valid if hasAudio
	hasAudio  bool
	audioWait ticks // lag after which silence is put in
	muted     bool  // silence is put in even before there is sound
}

func newSession(w *Window, log *slog.Logger, now func() time.Time) *session {
	var raw [5]byte
	rand.Read(raw[:])
	s := &session{log: log, now: now, id: strings.ToLower(base32.StdEncoding.EncodeToString(raw[:])), audioWait: audioMissing}
	s.cut = &cutter{window: w, session: s}
	w.takeMessages(true)
	return s
}

// frame takes the next frame. The first one is a video key frame, as media.Reader promises.
func (s *session) frame(f *media.Frame) error {
	switch {
	case len(f.Payload) == 0:
		return nil
	case !s.started:
		return s.hold(f)
	case len(s.layers) == 1 && (f.Track.Kind == media.Audio || f.Track.ID == s.lead.id):
		return s.place(f)
	}
	return s.align(f)
}

// hold keeps what comes before the tracks are known: before there is sound, and a key frame of each
// rendition, or enough was waited.
func (s *session) hold(f *media.Frame) error {
	if len(s.held) == 0 && (f.Track.Kind != media.Video || !f.Key) {
		return nil
	}
	s.held = append(s.held, f)
	s.weight += len(f.Payload)
	if f.DTS-s.held[0].DTS < audioPatience && len(s.held) < heldFrames && s.weight < s.cut.window.maxBytes/8 && !s.complete() {
		return nil
	}
	return s.start()
}

// complete tells whether all tracks that are to be expected have begun.
func (s *session) complete() bool {
	if s.videos <= 1 { // the common case needs no look back: sound was waited for, and is here
		return s.held[len(s.held)-1].Track.Kind == media.Audio
	}
	var begun uint64
	for _, f := range s.held {
		if f.Track.Kind == media.Audio {
			begun |= 1
		} else if f.Key {
			begun |= 2 << f.Track.ID
		}
	}
	return begun&1 != 0 && bits.OnesCount64(begun) > s.videos
}

// start decides the tracks by the frames held so far, and takes these.
func (s *session) start() error {
	held := s.held
	s.held = nil
	s.started = true
	for _, f := range held {
		if f.Track.Kind == media.Audio {
			s.audio = s.audioFormat(f.Track)
			break
		}
	}
	if s.audio == nil {
		s.mute()
	}
	first, err := s.cast(held)
	if err != nil {
		return fmt.Errorf("hls: %w", err)
	}
	s.cut.window.begin(s.id, len(s.layers))
	s.anchor(first)
	s.cut.window.breaks()
	s.assign()
	s.configure(s.audio)
	s.cut.start(s.base, first.Track.FrameRate)
	for _, f := range held {
		if err := s.frame(f); err != nil {
			return err
		}
	}
	return nil
}

// nextCut gives from when on a video frame, and sound, may end the open part: what comes before that has
// nothing to do that would not be done as well with it. Both are in the past where that cannot be told. One
// part may end a frame late when an encoder that was steady falls to less than 20 frames per second.
func (s *session) nextCut() (video, sound time.Duration) {
	if !s.started || len(s.layers) != 1 || !s.cut.rate.settled() {
		return math.MinInt64, math.MinInt64
	}
	at := func(t ticks) time.Duration { return s.origin + (t - s.base - jitter).duration() }
	v, a := s.cut.next()
	return at(v), at(a)
}

// nextFrame gives the decoding time of the frame that is to end the open part if all goes on as it did, key frames
// included; AtOnce where that cannot be told.
func (s *session) nextFrame() time.Duration {
	video, sound := s.nextCut()
	if video == math.MinInt64 {
		return media.AtOnce
	}
	frame, last := s.cut.frameTime(), s.cut.lastDTS
	steps := max(1, (s.ticks(video)-last+frame-1)/frame)
	at := min(last+steps*frame, s.lastKey+s.gop)
	return min(s.origin+(at-s.base-jitter).duration(), sound)
}

// finish packages what is left.
func (s *session) finish() {
	defer s.cut.window.takeMessages(false)
	if !s.started && len(s.held) > 0 {
		if err := s.start(); err != nil {
			s.log.Debug("stream too short to package", "error", err)
			return
		}
	}
	if s.started && s.lead != nil {
		if err := s.release(time.Time{}); err != nil {
			s.log.Debug("the last frames could not be packaged", "error", err)
		}
		s.cut.flush()
		s.cut.window.finish()
	}
}

// anchor puts f, a video key frame, at its date on the timeline, or after what the window already has.
func (s *session) anchor(f *media.Frame) {
	s.origin, s.base = f.DTS, max(ticksAt(s.arrival(f)), s.cut.window.endOfMedia())
	s.newest = s.base
	s.hasAudio = false
	for _, l := range s.layers {
		l.begin()
	}
}

func (s *session) arrival(f *media.Frame) time.Time {
	if f.Arrived.IsZero() {
		return s.now()
	}
	return f.Arrived
}

func (s *session) ticks(d time.Duration) ticks { return s.base + ticksOf(d-s.origin) }

// audioFormat gives nil, and says why once, if t cannot be packaged.
func (s *session) audioFormat(t *media.Track) *audioFormat {
	if s.refused != nil && sameFormat(s.refused, t) {
		return nil
	}
	a, err := newAudioFormat(t)
	if err != nil {
		s.log.Warn("audio is left out", "error", err)
		s.refused = t
		return nil
	}
	return a
}

// place takes a frame of the leading rendition, or sound.
func (s *session) place(f *media.Frame) error {
	if !s.waitKey && s.ticks(f.DTS) > s.newest+jump {
		// The encoder's clock jumped, or it was silent for long.
		s.cut.flush()
		s.waitKey = true
	}
	if s.waitKey {
		if f.Track.Kind != media.Video || !f.Key {
			return nil
		}
		s.waitKey = false
		s.anchor(f)
		s.cut.window.breaks()
		s.cut.restart(s.base)
	}
	if f.Track.Kind == media.Video {
		return s.placeVideo(f)
	}
	s.placeAudio(f)
	return nil
}

func (s *session) placeVideo(f *media.Frame) error {
	dts, pts := s.ticks(f.DTS), s.ticks(f.PTS)
	lead := s.lead
	changed := !sameFormat(lead.video.track, f.Track)
	if changed && !f.Key {
		return nil // of no use before its key frame
	}
	s.cut.pace(dts)
	s.newest = max(s.newest, dts)

	// Timestamps are whole milliseconds, and a part that was closed before this frame came has guessed
	// where it starts. Decoding times have no gaps and no overlaps all the same, since browsers begin
	// anew at the next key frame after a gap; presentation times stay true.
	at, decode := dts, dts
	if last := s.cut.lastVideo(); last != nil {
		decode = max(dts, ticks(last.dts)+1)
	} else if gap := dts - lead.end; lead.hasEnd && gap <= jump {
		decode = lead.end
		if gap <= s.cut.frameTime()/2 {
			at = decode
		}
	}
	at = max(at, decode)

	if f.Key {
		s.gop, s.lastKey = dts-s.lastKey, dts
		lead.track = f.Track
		if changed {
			video, err := newVideoFormat(f.Track)
			if err != nil {
				return fmt.Errorf("hls: %w", err)
			}
			lead.next = video
		}
		switch recast, joined := s.recast(), s.join(); {
		case recast || s.late != nil:
			audio := s.audio
			if s.late != nil {
				audio = s.late
			}
			s.cut.segment(at, decode)
			s.cut.forget()
			s.cut.window.breaks()
			s.hasAudio = false
			s.configure(audio)
		case joined:
			s.cut.segment(at, decode)
			s.configure(s.audio)
		default:
			s.cut.keyFrame(at, decode)
		}
	}
	s.cut.video(sample{payload: f.Payload, dts: int64(decode), cts: offset(pts - decode), key: f.Key}, at, f.Arrived)
	return nil
}

// offset keeps a composition offset in the range that a trun box has.
func offset(t ticks) int32 { return int32(min(max(t, math.MinInt32), math.MaxInt32)) }

func (s *session) placeAudio(f *media.Frame) {
	if s.audio == nil || !sameFormat(s.audio.track, f.Track) {
		if s.late == nil || !sameFormat(s.late.track, f.Track) {
			s.late = s.audioFormat(f.Track)
		}
		return // until a key frame lets the initialization section change
	}
	at := s.ticks(f.DTS)
	if at < s.base {
		return // from before the first picture
	}
	s.newest = max(s.newest, at)
	a := s.audio
	length := a.length(f.Payload)
	if length == 0 {
		return // no frame at all: what follows it tells how long the gap is
	}
	dts, slack := at.scale(a.rate), audioSlack.scale(a.rate)
	if !s.hasAudio {
		s.audioEnd, s.hasAudio = dts, true
	}
	switch drift := dts - s.audioEnd; {
	case drift < -slack:
		// Too many samples for the time, or later than the silence that was put in for them.
		s.audioWait = min(max(s.audioWait, s.newest-at+second/2), audioMaxLag)
		return
	case drift > slack && a.silence != nil:
		s.fill(dts - a.frame)
	case drift > slack:
		s.cut.stretchAudio(uint32(drift))
		s.audioEnd = dts
	}
	s.cut.audio(sample{payload: f.Payload, dts: s.audioEnd, dur: uint32(length), key: true})
	s.audioEnd += length
	s.cut.clock(at, f.Arrived)
}

// silence puts in silence where audio has been missing for long before t; there is no waiting for it
// where nothing else is in a part.
func (s *session) silence(t ticks, nothingElse bool) {
	if s.audio == nil || !s.hasAudio && !s.muted || s.audio.silence == nil {
		return
	}
	if !s.hasAudio {
		s.audioEnd, s.hasAudio = s.cut.partStart.scale(s.audio.rate), true
	}
	if until := t.scale(s.audio.rate); nothingElse || until-s.audioEnd > s.audioWait.scale(s.audio.rate) {
		s.fill(until - s.audio.frame)
	}
}

// fill appends silent frames while one more begins at or before last.
func (s *session) fill(last int64) {
	for s.audioEnd <= last {
		s.cut.audio(sample{payload: s.audio.silence, dts: s.audioEnd, dur: uint32(s.audio.frame), key: true})
		s.audioEnd += s.audio.frame
	}
}
