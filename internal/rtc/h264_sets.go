package rtc

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/streamcat/streamcat/internal/media"
)

const (
	maxSetBytes    = 2048
	maxPictureSide = 8192
)

// parameterSets are the sequence and picture parameter sets a publisher has sent, by their id. Encoders
// may keep several and change between them, so which ones count is what a picture says.
type parameterSets struct {
	sps     [32][]byte
	pps     [256]pictureSet
	changed bool // one that the track knows differently, or not at all, has come since the last track
}

type pictureSet struct {
	nal []byte
	sps uint8 // the id of its sequence parameter set
}

// learnSPS takes a sequence parameter set, whose memory it copies; nonsense is left out.
func (s *parameterSets) learnSPS(nal []byte) {
	if len(nal) < 5 || len(nal) > maxSetBytes {
		return
	}
	r := bitReader{b: nal[4:]}
	id := r.ue()
	if r.err != nil || id >= uint32(len(s.sps)) || bytes.Equal(s.sps[id], nal) {
		return
	}
	s.sps[id] = bytes.Clone(nal)
	s.changed = true
}

// learnPPS does the same for a picture parameter set.
func (s *parameterSets) learnPPS(nal []byte) {
	if len(nal) < 2 || len(nal) > maxSetBytes {
		return
	}
	r := bitReader{b: nal[1:]}
	id, sps := r.ue(), r.ue()
	if r.err != nil || id >= uint32(len(s.pps)) || sps >= uint32(len(s.sps)) || bytes.Equal(s.pps[id].nal, nal) {
		return
	}
	s.pps[id] = pictureSet{bytes.Clone(nal), uint8(sps)}
	s.changed = true
}

// pictureID reads which picture parameter set a slice uses; not ok if that was never sent.
func (s *parameterSets) pictureID(slice []byte) (id uint32, ok bool) {
	if len(slice) < 2 {
		return 0, false
	}
	r := bitReader{b: slice[1:min(len(slice), 32)]}
	r.ue() // first macroblock
	r.ue() // slice type
	id = r.ue()
	return id, r.err == nil && id < uint32(len(s.pps)) && s.pps[id].nal != nil
}

// track describes the video that begins with slice, old itself if nothing has changed. It is nil if the
// slice cannot be decoded with what was sent.
func (s *parameterSets) track(slice []byte, old *media.Track) *media.Track {
	picture, ok := s.pictureID(slice)
	if !ok {
		return nil
	}
	id := s.pps[picture].sps
	nal := s.sps[id]
	var sps h264.SPS
	if nal == nil || sps.Unmarshal(nal) != nil {
		return nil
	}
	if sps.PicWidthInMbsMinus1 >= maxPictureSide/16 || sps.PicHeightInMapUnitsMinus1 >= maxPictureSide/16 {
		return nil // before it overflows to something small
	}
	w, h := sps.Width(), sps.Height()
	if w <= 0 || h <= 0 || w > maxPictureSide || h > maxPictureSide {
		return nil
	}
	s.changed = false
	record := s.record(id, &sps)
	if old != nil && bytes.Equal(old.Config, record) {
		return old
	}
	// WebRTC has no steady frame rate, whatever the parameter set says.
	return &media.Track{
		ID: media.FirstVideo, Kind: media.Video, Codec: media.H264, Config: record,
		SPS: nal, PPS: s.pps[picture].nal, Width: w, Height: h,
	}
}

// record makes an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) of one sequence parameter set
// and all picture parameter sets that belong to it.
func (s *parameterSets) record(id uint8, sps *h264.SPS) []byte {
	nal := s.sps[id]
	b := []byte{1, nal[1], nal[2], nal[3], 0xFF, 0xE1}
	b = append(binary.BigEndian.AppendUint16(b, uint16(len(nal))), nal...)
	count := len(b)
	b = append(b, 0)
	for i := range s.pps {
		if p := &s.pps[i]; p.nal != nil && p.sps == id && b[count] < 255 {
			b[count]++
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.nal))), p.nal...)
		}
	}
	switch sps.ProfileIdc {
	case 100, 110, 122, 144:
		b = append(b, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8), 0xF8|byte(sps.BitDepthChromaMinus8), 0)
	}
	return b
}
