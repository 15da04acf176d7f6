package ingest

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"github.com/streamcat/streamcat/internal/media"
)

// NAL unit types, ITU-T H.265 table 7-1.
const (
	hevcFirstIRAP = 16 // from here on to hevcLastIRAP: BLA, IDR, CRA and what is reserved for their like
	hevcLastIRAP  = 23
	hevcLastSlice = 31
	hevcVPS       = 32
	hevcSPSKind   = 33
	hevcPPS       = 34
	hevcAUD       = 35
	hevcFiller    = 38
)

// hevcConfig is a decoder configuration: an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1) taken
// apart. One with only its lengthSize set learns everything from the parameter sets in access units.
type hevcConfig struct {
	record        []byte // with NAL lengths of 4 bytes, as frames leave us; nil while not whole
	lengthSize    int    // as frames come to us: 1, 2 or 4
	vps, sps, pps [][]byte
}

func badHEVC(what string) error { return badPicture(media.HEVC, what) }

// parseHEVCConfig reads a record. Parameter sets may be missing from it: then they must come with the
// pictures. The result shares no memory with b.
func parseHEVCConfig(b []byte) (*hevcConfig, error) {
	if len(b) < 23 || b[0] != 1 {
		return nil, badHEVC("the decoder configuration is cut short or of an unknown version")
	}
	c := &hevcConfig{lengthSize: int(b[21]&3) + 1}
	if c.lengthSize == 3 {
		return nil, badHEVC("the decoder configuration has NAL lengths of 3 bytes")
	}
	arrays, rest := int(b[22]), bytes.Clone(b[23:])
	for range arrays {
		if len(rest) < 3 {
			return nil, badHEVC("the decoder configuration is cut short")
		}
		kind, n := rest[0]&0x3F, int(binary.BigEndian.Uint16(rest[1:]))
		if rest = rest[3:]; n == 0 {
			continue
		}
		var sets [][]byte
		var err error
		if sets, rest, err = readSets(media.HEVC, rest, n, func(nal []byte) bool {
			return len(nal) > 2 && hevcKind(nal) == kind
		}); err != nil {
			return nil, err
		}
		switch kind {
		case hevcVPS:
			c.vps = sets
		case hevcSPSKind:
			c.sps = sets
		case hevcPPS:
			c.pps = sets
		}
	}
	if !c.whole() {
		return c, nil
	}
	return c, c.rebuild()
}

func hevcKind(nal []byte) byte { return nal[0] >> 1 & 0x3F }

// whole tells whether there is all that a decoder needs.
func (c *hevcConfig) whole() bool { return len(c.vps) > 0 && len(c.sps) > 0 && len(c.pps) > 0 }

// same tells whether b is a configuration that says what c does.
func (c *hevcConfig) same(b videoDecoder) bool {
	other, ok := b.(*hevcConfig)
	return ok && c.lengthSize == other.lengthSize && bytes.Equal(c.record, other.record)
}

// track describes the video that c, which is whole, decodes.
func (c *hevcConfig) track(id int, d declared) (*media.Track, error) {
	sps, err := parseHEVCSPS(c.sps[0])
	if err != nil {
		return nil, err
	}
	if err := checkSize(media.HEVC, sps.width, sps.height); err != nil {
		return nil, err
	}
	told := 0.0
	var all h265.SPS // knows the whole syntax up to the frame rate, but not every variant of it
	if d.frameRate == 0 && all.Unmarshal(c.sps[0]) == nil {
		told = all.FPS()
	}
	return &media.Track{
		ID: id, Kind: media.Video, Codec: media.HEVC, Config: c.record,
		Width: sps.width, Height: sps.height, FrameRate: frameRate(d, told), Bitrate: d.video,
	}, nil
}

// accessUnit checks the NAL units in b and takes out what has no place in an hvc1 sample or carries
// nothing: delimiters, fillers, empty units, layers above the base, and parameter sets, which go to the
// configuration. It works in place: the result lies within b, which must not be shared.
func (c *hevcConfig) accessUnit(b []byte) (picture, error) {
	var p picture
	slices := false
	rest, err := sift(media.HEVC, b, c.lengthSize, func(nal []byte) bool {
		if len(nal) < 3 || nal[0]&1 != 0 || nal[1]>>3 != 0 {
			return false
		}
		switch kind := hevcKind(nal); {
		case kind == hevcAUD || kind == hevcFiller:
			return false
		case kind == hevcVPS:
			p.changed = learn(&c.vps, nal, hevcVPSID) || p.changed
			return false
		case kind == hevcSPSKind:
			p.changed = learn(&c.sps, nal, hevcSPSID) || p.changed
			return false
		case kind == hevcPPS:
			p.changed = learn(&c.pps, nal, hevcPPSID) || p.changed
			return false
		case kind <= hevcLastSlice:
			slices = true
			p.key = p.key || kind >= hevcFirstIRAP && kind <= hevcLastIRAP
		}
		return true
	})
	if err != nil {
		return picture{}, err
	}
	if slices {
		p.payload = rest
	}
	return p, nil
}

// rebuild makes the record anew after accessUnit said that it changed; c must be whole. The record is
// always ours, since parameter sets never stay in the pictures, and encoders differ in what they write
// of the fields that repeat the sequence parameter set.
func (c *hevcConfig) rebuild() error {
	sps, err := parseHEVCSPS(c.sps[0])
	if err != nil {
		return err
	}
	b := append([]byte{1}, sps.profileTierLevel[:]...)
	b = append(b, 0xF0, 0, 0xFC, 0xFC|byte(sps.chroma), 0xF8|byte(sps.depth), 0xF8|byte(sps.chromaDepth), 0, 0)
	b = append(b, byte(sps.subLayers)<<3|sps.nesting<<2|3, 3)
	for _, a := range []struct {
		kind byte
		sets [][]byte
	}{{hevcVPS, c.vps}, {hevcSPSKind, c.sps}, {hevcPPS, c.pps}} {
		b = append(b, 0x80|a.kind) // all of that kind are here
		b = appendSets(binary.BigEndian.AppendUint16(b, uint16(len(a.sets))), a.sets)
	}
	c.record = b
	return nil
}

// hevcSPS is the beginning of a sequence parameter set (ITU-T H.265 §7.3.2.2).
type hevcSPS struct {
	id                 uint32
	profileTierLevel   [12]byte // general_profile_space up to general_level_idc
	subLayers          int
	nesting            byte
	chroma             uint32 // chroma_format_idc
	depth, chromaDepth uint32 // bits over 8
	width, height      int    // after cropping
}

func parseHEVCSPS(nal []byte) (hevcSPS, error) {
	var s hevcSPS
	r := bitReader{buf: h264.EmulationPreventionRemove(nal)} // the same for both codecs
	r.skip(16 + 4)                                           // NAL header, id of the VPS
	s.subLayers = int(r.u(3)) + 1
	s.nesting = byte(r.u(1))
	for i := range s.profileTierLevel {
		s.profileTierLevel[i] = byte(r.u(8))
	}
	if s.subLayers > 1 {
		flags := r.u(16) // two bits for each sub-layer, of which the highest has none, then zeros
		for i := range s.subLayers - 1 {
			if flags&(1<<(15-2*i)) != 0 {
				r.skip(88)
			}
			if flags&(1<<(14-2*i)) != 0 {
				r.skip(8)
			}
		}
	}
	s.id = r.ue()
	s.chroma = r.ue()
	if s.chroma == 3 {
		r.skip(1)
	}
	w, h := int64(r.ue()), int64(r.ue())
	if r.flag() {
		unitX, unitY := int64(1), int64(1) // table 6-1
		if s.chroma == 1 || s.chroma == 2 {
			unitX = 2
		}
		if s.chroma == 1 {
			unitY = 2
		}
		w -= (int64(r.ue()) + int64(r.ue())) * unitX
		h -= (int64(r.ue()) + int64(r.ue())) * unitY
	}
	s.depth, s.chromaDepth = r.ue(), r.ue()
	if r.err != nil || s.id > 15 || s.subLayers > 7 || s.chroma > 3 || s.depth > 7 || s.chromaDepth > 7 {
		return hevcSPS{}, badHEVC("the sequence parameter set cannot be read")
	}
	s.width, s.height = int(w), int(h)
	return s, nil
}

// hevcVPSID, hevcSPSID and hevcPPSID give the id of a parameter set, -1 if there is none.
func hevcVPSID(nal []byte) int { return int(nal[2] >> 4) }

func hevcSPSID(nal []byte) int {
	s, err := parseHEVCSPS(nal)
	if err != nil {
		return -1
	}
	return int(s.id)
}

func hevcPPSID(nal []byte) int { return golomb(nal, 2) }
