package ingest

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/streamcat/streamcat/internal/fault"
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

const (
	maxParameterSets = 16
	maxPictureSide   = 8192
)

// avcConfig is a decoder configuration: an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1) taken apart.
type avcConfig struct {
	record     []byte // with NAL lengths of 4 bytes, as frames leave us
	lengthSize int    // as frames come to us: 1, 2 or 4
	sps, pps   [][]byte
}

func badVideo(what string) error { return fault.InvalidInput("broken H.264 video: %s", what) }

// parseAVCConfig reads a record. The result shares no memory with b.
func parseAVCConfig(b []byte) (*avcConfig, error) {
	if len(b) < 7 || b[0] != 1 {
		return nil, badVideo("the decoder configuration is cut short or of an unknown version")
	}
	record := bytes.Clone(b)
	c := &avcConfig{record: record, lengthSize: int(b[4]&3) + 1}
	if c.lengthSize == 3 {
		return nil, badVideo("the decoder configuration has NAL lengths of 3 bytes")
	}
	record[4] |= 3
	rest := record[6:]
	var err error
	if c.sps, rest, err = parameterSets(rest, int(record[5]&0x1F), nalSPS); err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return nil, badVideo("the decoder configuration is cut short")
	}
	if c.pps, _, err = parameterSets(rest[1:], int(rest[0]), nalPPS); err != nil {
		return nil, err
	}
	return c, nil
}

func parameterSets(b []byte, n int, kind byte) (sets [][]byte, rest []byte, err error) {
	if n == 0 || n > maxParameterSets {
		return nil, nil, badVideo("the decoder configuration has no parameter sets, or too many")
	}
	for range n {
		if len(b) < 2 {
			return nil, nil, badVideo("the decoder configuration is cut short")
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size == 0 || size > len(b) {
			return nil, nil, badVideo("a parameter set is cut short")
		}
		set := b[:size:size]
		if b = b[size:]; set[0]&0x1F != kind {
			return nil, nil, badVideo("a parameter set is of the wrong kind")
		}
		sets = append(sets, set)
	}
	return sets, b, nil
}

// track describes the video that c decodes.
func (c *avcConfig) track(id int, declared declared) (*media.Track, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(c.sps[0]); err != nil {
		return nil, badVideo("the sequence parameter set cannot be read")
	}
	w, h := sps.Width(), sps.Height()
	if w <= 0 || h <= 0 || w > maxPictureSide || h > maxPictureSide {
		return nil, badVideo("the picture size is out of bounds")
	}
	rate := declared.frameRate
	if rate == 0 {
		rate = sps.FPS()
	}
	if math.IsNaN(rate) || rate < 0 || rate > 1000 {
		rate = 0
	}
	return &media.Track{
		ID: id, Kind: media.Video, Codec: media.H264,
		Config: c.record, SPS: c.sps[0], PPS: c.pps[0], Width: w, Height: h,
		FrameRate: rate, Bitrate: declared.video,
	}, nil
}

// picture is what an access unit turned out to hold.
type picture struct {
	payload []byte // NAL units with 4-byte lengths; nil if there is nothing to decode
	key     bool   // there is an IDR slice
	changed bool   // parameter sets came along that differ from the configuration, which is now new
}

// accessUnit checks the NAL units in b and takes out what has no place in an avc1 sample or carries
// nothing: delimiters, fillers, empty units, and parameter sets, which go to the configuration. It
// works in place: the result lies within b, which must not be shared.
func (c *avcConfig) accessUnit(b []byte) (picture, error) {
	if c.lengthSize != 4 {
		wide, err := widen(b, c.lengthSize)
		if err != nil {
			return picture{}, err
		}
		b = wide
	}
	var p picture
	slices := false
	start, w, r := 0, 0, 0 // b[start:w] is what stays
	for r < len(b) {
		if len(b)-r < 4 {
			return picture{}, badVideo("a NAL unit is cut short")
		}
		n := uint64(binary.BigEndian.Uint32(b[r:]))
		if n > uint64(len(b)-r-4) {
			return picture{}, badVideo("a NAL unit is longer than its frame")
		}
		end := r + 4 + int(n)
		if c.keep(b[r+4:end], &p) {
			if kind := b[r+4] & 0x1F; kind >= nalSlice && kind <= nalIDR {
				slices = true
			}
			if w != r {
				copy(b[w:], b[r:end])
			}
			w += end - r
		} else if w == start {
			start, w = end, end
		}
		r = end
	}
	if slices {
		p.payload = b[start:w:w]
	}
	return p, nil
}

func (c *avcConfig) keep(nal []byte, p *picture) bool {
	if len(nal) == 0 {
		return false
	}
	switch nal[0] & 0x1F {
	case nalAUD, nalFiller:
		return false
	case nalSPS:
		p.changed = c.learn(&c.sps, nal, spsID) || p.changed
		return false
	case nalPPS:
		p.changed = c.learn(&c.pps, nal, ppsID) || p.changed
		return false
	case nalIDR:
		p.key = true
	}
	return true
}

// learn takes a parameter set that came with a picture and says whether it was new.
func (c *avcConfig) learn(sets *[][]byte, nal []byte, id func([]byte) int) bool {
	at := -1
	for i, set := range *sets {
		if bytes.Equal(set, nal) {
			return false
		}
		if id(set) == id(nal) {
			at = i
		}
	}
	if id(nal) < 0 || len(nal) > math.MaxUint16 || at < 0 && len(*sets) >= maxParameterSets {
		return false
	}
	next := append([][]byte(nil), *sets...) // tracks share the old ones
	if at < 0 {
		next = append(next, bytes.Clone(nal))
	} else {
		next[at] = bytes.Clone(nal)
	}
	*sets = next
	c.record = nil
	return true
}

// rebuild makes the record anew after accessUnit said that it changed.
func (c *avcConfig) rebuild() error {
	var sps h264.SPS
	if err := sps.Unmarshal(c.sps[0]); err != nil {
		return badVideo("the sequence parameter set cannot be read")
	}
	first := c.sps[0]
	b := []byte{1, first[1], first[2], first[3], 0xFF, 0xE0 | byte(len(c.sps))}
	for _, set := range c.sps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
	}
	b = append(b, byte(len(c.pps)))
	for _, set := range c.pps {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
	}
	switch sps.ProfileIdc {
	case 100, 110, 122, 144:
		b = append(b, 0xFC|byte(sps.ChromaFormatIdc), 0xF8|byte(sps.BitDepthLumaMinus8), 0xF8|byte(sps.BitDepthChromaMinus8), 0)
	}
	c.record = b
	return nil
}

// widen rewrites NAL lengths of 1 or 2 bytes as 4.
func widen(b []byte, size int) ([]byte, error) {
	out := make([]byte, 0, len(b)+len(b)/64+64)
	for len(b) > 0 {
		if len(b) < size {
			return nil, badVideo("a NAL unit is cut short")
		}
		n := int(b[0])
		if size == 2 {
			n = n<<8 | int(b[1])
		}
		if b = b[size:]; n > len(b) {
			return nil, badVideo("a NAL unit is longer than its frame")
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(n)), b[:n]...)
		b = b[n:]
	}
	return out, nil
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
