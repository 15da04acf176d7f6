package stage

import (
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
)

// makeAgain is how long after its beginning a maker of Opus that failed is replaced.
const makeAgain = 5 * time.Second

// sound is an encoder's sound on its way into packets: Opus as it is, and Opus that somebody makes of AAC.
type sound struct {
	e     *encoder
	track *media.Track  // as it comes
	maker rtc.AudioSink // nil: none is needed, or the last one has failed
	began time.Time     // when the last maker did

	meter   meter
	packets *rtc.Packetizer // of one goroutine at a time: the maker's, or without one the encoder's
}

// take is called by the encoder's goroutine. A reader gives no sound before the first picture.
func (s *sound) take(f *media.Frame) error {
	s.e.sounded.Store(true)
	if err := s.meter.add(len(f.Payload), f.Arrived); err != nil {
		return err
	}
	if f.Track.Codec == media.Opus {
		if s.track == nil || s.track.Codec != media.Opus {
			s.close()
		}
		s.track = f.Track
		s.write(f)
		return nil
	}
	if f.Track != s.track {
		s.close()
		s.track, s.began = f.Track, time.Time{}
	}
	if s.maker == nil {
		now := s.e.m.now()
		if now.Sub(s.began) < makeAgain {
			return nil
		}
		if err := s.make(f.Track); err != nil || s.maker == nil {
			return err
		}
		s.began = now
	}
	if !s.maker.Frame(f) {
		s.close()
	}
	return nil
}

// make begins to make Opus of a track, if that can be told now.
func (s *sound) make(t *media.Track) error {
	if s.e.m.d.Encoders.Opus == nil {
		return &violation{"INVALID_AUDIO_CODEC", errNoOpus}
	}
	maker, err := s.e.m.d.Encoders.Opus(t, s.write)
	if err == nil {
		s.maker = maker
		return nil
	}
	f := fault.As(err)
	switch {
	case f == nil:
		return &violation{"INTERNAL_SERVER_EXCEPTION", fault.Down("the sound cannot be made Opus now").Because(err)}
	case f.Kind == fault.Invalid:
		return &violation{"INVALID_AUDIO_CODEC", f}
	}
	return &violation{"INTERNAL_SERVER_EXCEPTION", f}
}

var errNoOpus = fault.InvalidInput("this server cannot make Opus of the AAC that the encoder sends: send Opus, by Enhanced RTMP")

// write makes packets of Opus.
func (s *sound) write(f *media.Frame) {
	if s.packets == nil {
		s.packets = rtc.NewPacketizer(rtc.Audio, s.e.origin, s.e.pub.Track(rtc.Track{Kind: rtc.Audio, ClockRate: 48_000}, nil))
	}
	s.packets.Write(f)
}

// close ends what makes Opus.
func (s *sound) close() {
	if s.maker != nil {
		s.maker.Close()
		s.maker = nil
	}
}
