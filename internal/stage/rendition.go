package stage

import (
	"strconv"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/rtc"
	"github.com/streamcat/streamcat/internal/sfu"
)

// rendition is one of the sizes in which an encoder sends its picture: to those who watch an encoding of it, as those of a simulcast.
type rendition struct {
	track   *media.Track    // of the newest picture
	shown   time.Duration   // when that is shown
	packets *rtc.Packetizer // nil until the first key frame
}

// taken says whether a rendition becomes an encoding. Of more than there can be it is the best, the last and those halfway
// between them, so that there is one for narrow lines. number counts from 0, the best; of is how many the encoder means to send.
func taken(number, of int) bool {
	if of <= sfu.MaxLayers {
		return number < sfu.MaxLayers
	}
	for layer := range sfu.MaxLayers {
		if number == layer*(of-1)/(sfu.MaxLayers-1) {
			return true
		}
	}
	return false
}

// rendition gives that of a track; nil if it is left out.
func (e *encoder) rendition(t *media.Track) *rendition {
	r, known := e.renditions[t.ID]
	if !known {
		if taken(t.ID-media.FirstVideo, e.stream.Info().Videos) {
			r = &rendition{}
		}
		e.renditions[t.ID] = r
	}
	return r
}

// picture makes packets of a picture.
func (e *encoder) picture(f *media.Frame) error {
	r := e.rendition(f.Track)
	if r == nil {
		return nil
	}
	if f.Track != r.track {
		if err := e.judge(f.Track); err != nil {
			return err
		}
		r.track = f.Track
	}
	if rtc.Bidirectional(f) || r.packets != nil && f.PTS <= r.shown {
		return reordered()
	}
	r.shown = f.PTS
	if r.packets == nil { // a reader begins each track with a key frame
		e.pub.Connected()
		track := rtc.Track{Kind: rtc.Video, RID: strconv.Itoa(f.Track.ID - media.FirstVideo), ClockRate: 90_000}
		r.packets = rtc.NewPacketizer(rtc.Video, e.origin, e.pub.Track(track, nil))
		e.seen.Store(true)
	}
	r.packets.Write(f)
	return nil
}

// judge says whether a stage takes pictures of a track.
func (e *encoder) judge(t *media.Track) error {
	if t.Codec != media.H264 {
		return &violation{"INVALID_VIDEO_CODEC", fault.InvalidInput("video codec not supported on a stage: the encoder sends %v, use H.264", t.Codec)}
	}
	if profile := t.SPS[1]; profile != 66 && profile != 77 && profile != 100 { // ITU-T H.264 §A.2
		return &violation{"INVALID_VIDEO_CODEC", fault.InvalidInput("H.264 profile not supported on a stage: use Baseline")}
	}
	return e.m.d.Encoders.takes(t.Width, t.Height)
}
