package ingest

import (
	"bytes"
	"encoding/binary"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/streamcat/streamcat/internal/media"
)

// NAL unit types, ITU-T H.264 table 7-1.
const (
	nalSlice  = 1
	nalIDR    = 5
	nalSPS    = 7
	nalPPS    = 8
	nalAUD    = 9
	nalFiller = 12
)

// avcConfig is a decoder configuration: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) taken
// apart. One with only its lengthSize set learns everything from the parameter sets in access units.
type avcConfig struct {
	record     []byte // with NAL lengths of 4 bytes, as frames leave us
	lengthSize int    // as frames come to us: 1, 2 or 4
	sps, pps   [][]byte
}

func badAVC(what string) error { return badPicture(media.H264, what) }

// parseAVCConfig reads a record. The result shares no memory with b.
func parseAVCConfig(b []byte) (*avcConfig, error) {
	if len(b) < 7 || b[0] != 1 {
		return nil, badAVC("the decoder configuration is cut short or of an unknown version")
	}
	record := bytes.Clone(b)
	c := &avcConfig{record: record, lengthSize: int(b[4]&3) + 1}
	if c.lengthSize == 3 {
		return nil, badAVC("the decoder configuration has NAL lengths of 3 bytes")
	}
	record[4] |= 3
	rest := record[6:]
	var err error
	if c.sps, rest, err = readSets(media.H264, rest, int(record[5]&0x1F), ofKind(nalSPS)); err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, badAVC("the decoder configuration is cut short")
	}
	if c.pps, _, err = readSets(media.H264, rest[1:], int(rest[0]), ofKind(nalPPS)); err != nil {
		return nil, err
	}
	return c, nil
}

func ofKind(kind byte) func([]byte) bool { return func(nal []byte) bool { return nal[0]&0x1F == kind } }

// whole tells whether there is all that a decoder needs.
func (c *avcConfig) whole() bool { return len(c.sps) > 0 && len(c.pps) > 0 }

// same tells whether b is a configuration that says what c does.
func (c *avcConfig) same(b videoDecoder) bool {
	other, ok := b.(*avcConfig)
	return ok && c.lengthSize == other.lengthSize && bytes.Equal(c.record, other.record)
}

// track describes the video that c decodes.
func (c *avcConfig) track(id int, d declared) (*media.Track, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(c.sps[0]); err != nil {
		return nil, badAVC("the sequence parameter set cannot be read")
	}
	w, h := sps.Width(), sps.Height()
	if err := checkSize(media.H264, w, h); err != nil {
		return nil, err
	}
	return &media.Track{
		ID: id, Kind: media.Video, Codec: media.H264,
		Config: c.record, SPS: c.sps[0], PPS: c.pps[0], Width: w, Height: h,
		FrameRate: frameRate(d, sps.FPS()), Bitrate: d.video,
	}, nil
}

// accessUnit checks the NAL units in b and takes out what has no place in an avc1 sample or carries
// nothing: delimiters, fillers, empty units, and parameter sets, which go to the configuration. It
// works in place: the result lies within b, which must not be shared.
func (c *avcConfig) accessUnit(b []byte) (picture, error) {
	var p picture
	slices := false
	rest, err := sift(media.H264, b, c.lengthSize, func(nal []byte) bool {
		switch kind := nal[0] & 0x1F; {
		case kind == nalAUD || kind == nalFiller:
			return false
		case kind == nalSPS:
			p.changed = learn(&c.sps, nal, spsID) || p.changed
			return false
		case kind == nalPPS:
			p.changed = learn(&c.pps, nal, ppsID) || p.changed
			return false
		case kind >= nalSlice && kind <= nalIDR:
			slices = true
			p.key = p.key || kind == nalIDR
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

// rebuild makes the record anew after accessUnit said that it changed.
func (c *avcConfig) rebuild() error {
	var sps h264.SPS
	if err := sps.Unmarshal(c.sps[0]); err != nil {
		return badAVC("the sequence parameter set cannot be read")
	}
	first := c.sps[0]
	b := appendSets([]byte{1, first[1], first[2], first[3], 0xFF, 0xE0 | byte(len(c.sps))}, c.sps)
	b = appendSets(append(b, byte(len(c.pps))), c.pps)
	switch sps.ProfileIdc {
	case 100, 110, 122, 144:
		b = append(b, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8), 0xF8|byte(sps.BitDepthChromaMinus8), 0)
	}
	c.record = b
	return nil
}

// spsID gives the id of a sequence parameter set, ppsID that of a picture parameter set; -1 if there is none.
func spsID(nal []byte) int { return golomb(nal, 4) }

func ppsID(nal []byte) int { return golomb(nal, 1) }

// golomb reads the first unsigned Exp-Golomb code (ITU-T H.264 §9.1) of nal[from:], as far as the short
// ids of parameter sets go.
func golomb(nal []byte, from int) int {
	if len(nal) <= from {
		return -1
	}
	var bits [4]byte
	copy(bits[:], nal[from:])
	v := binary.BigEndian.Uint32(bits[:])
	zeros := 0
	for zeros < 9 && v&(1<<(31-zeros)) == 0 {
		zeros++
	}
	if zeros == 9 {
		return -1
	}
	return int(v<<zeros>>(31-zeros)) - 1
}
