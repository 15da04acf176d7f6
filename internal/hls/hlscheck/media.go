package hlscheck

import (
	"bytes"
	"fmt"
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
	mp4codecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
)

// Media watches the parts that follow one initialization section, in order, up to the next discontinuity.
// Their boxes are read by mediacommon.
type Media struct {
	rates   map[int]float64 // timescale by track id
	video   int             // track id, 0: none
	opus    int             // track id, 0: none
	started map[int]uint64  // first decoding time by track id
	ends    map[int]uint64
	listed  float64 // sum of DURATION
	texts   []Text
	faults  []string
}

// NewMedia reads an initialization section.
func NewMedia(init []byte) (*Media, []string) {
	m := &Media{rates: map[int]float64{}, started: map[int]uint64{}, ends: map[int]uint64{}}
	var in fmp4.Init
	if err := in.Unmarshal(bytes.NewReader(init)); err != nil {
		return m, []string{"initialization section: " + err.Error()}
	}
	for _, t := range in.Tracks {
		m.rates[t.ID] = float64(t.TimeScale)
		if t.Codec.IsVideo() {
			m.video = t.ID
		}
		if _, ok := t.Codec.(*mp4codecs.Opus); ok {
			m.opus = t.ID
		}
	}
	return m, nil
}

// Texts gives the timed metadata of all parts so far.
func (m *Media) Texts() []Text { return m.texts }

// Part takes the next part as the playlist describes it, and gives each rule it breaks: decoding times
// go on without gap or overlap in each track, INDEPENDENT=YES is told exactly of parts that begin with
// a key frame, and the durations listed add up to those of the video.
func (m *Media) Part(p Part, data []byte) []string {
	m.faults = nil
	var parts fmp4.Parts
	if err := parts.Unmarshal(data); err != nil {
		m.wrong(p, "%v", err)
		return m.faults
	}
	if len(parts) != 1 {
		m.wrong(p, "%d fragments in one part", len(parts))
		return m.faults
	}
	key := false
	for _, t := range parts[0].Tracks {
		rate, ok := m.rates[t.ID]
		if !ok {
			m.wrong(p, "track %d is not in the initialization section", t.ID)
			continue
		}
		if len(t.Samples) == 0 {
			continue
		}
		if end, ok := m.ends[t.ID]; !ok {
			m.started[t.ID] = t.BaseTime
		} else if t.BaseTime != end {
			m.wrong(p, "track %d goes on at %.4f s, but was at %.4f s", t.ID, float64(t.BaseTime)/rate, float64(end)/rate)
		}
		end := t.BaseTime
		for _, s := range t.Samples {
			if s.Duration == 0 {
				m.wrong(p, "a sample of track %d has no duration", t.ID)
			}
			if own := opus.PacketDuration2(s.Payload); t.ID == m.opus && own != int64(s.Duration) {
				m.wrong(p, "an Opus packet of %d samples lasts %d", own, s.Duration)
			}
			end += uint64(s.Duration)
		}
		m.ends[t.ID] = end
		key = key || t.ID == m.video && !t.Samples[0].IsNonSyncSample
	}
	if key != p.Independent {
		m.wrong(p, "begins with a key frame: %v, INDEPENDENT: %v", key, p.Independent)
	}
	m.text(p, data)
	m.listed += p.Duration
	if end, ok := m.ends[m.video]; ok {
		if real := float64(end-m.started[m.video]) / m.rates[m.video]; math.Abs(real-m.listed) > maxSkew {
			m.wrong(p, "%.3f s are listed so far, but the video has %.3f s", m.listed, real)
		}
	}
	return m.faults
}

// text holds that timed metadata belongs to the part it stands before, and that its numbers are unique.
func (m *Media) text(p Part, data []byte) {
	texts, faults := Texts(data)
	for _, fault := range faults {
		m.wrong(p, "%s", fault)
	}
	for _, t := range texts {
		for _, known := range m.texts {
			if t.ID == known.ID {
				m.wrong(p, "metadata %d stands twice", t.ID)
			}
		}
		if end, ok := m.ends[m.video]; ok {
			if late := t.Time - float64(end)/m.rates[m.video]; late > maxSkew || late < -p.Duration-maxSkew {
				m.wrong(p, "metadata %d is %.3f s off the end of the video", t.ID, late)
			}
		}
		m.texts = append(m.texts, t)
	}
}

// maxSkew is how far a part's boundary may be from a video frame's: a frame may last longer than a part.
const maxSkew = 3.1

func (m *Media) wrong(p Part, format string, args ...any) {
	m.faults = append(m.faults, "part "+p.URI+": "+fmt.Sprintf(format, args...))
}
