package ingest

import (
	"bytes"
	"encoding/binary"

	"github.com/streamcat/streamcat/internal/media"
)

// OBU types, AV1 Bitstream & Decoding Process Specification §6.2.2.
const (
	obuSequenceHeader = 1
	obuDelimiter      = 2
	obuFrameHeader    = 3
	obuFrame          = 6
	obuTileList       = 8
	obuPadding        = 15
)

const obuHasSize = 2 // in the first byte of an OBU

// av1Config is a decoder configuration: an AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format
// Binding §2.3) taken apart. An empty one learns everything from the temporal units.
type av1Config struct {
	record   []byte // nil while not whole
	sequence []byte // the sequence header, an OBU that has a size
	header   av1Header
}

func badAV1(what string) error { return badPicture(media.AV1, what) }

// parseAV1Config reads a record. The sequence header may be missing from it: then it must come with the
// pictures. The result shares no memory with b.
func parseAV1Config(b []byte) (*av1Config, error) {
	if len(b) < 4 || b[0] != 0x81 {
		return nil, badAV1("the decoder configuration is cut short or of an unknown version")
	}
	c := new(av1Config)
	for rest := b[4:]; len(rest) > 0; {
		o, err := readOBU(rest)
		if err != nil {
			return nil, err
		}
		rest = rest[o.size:]
		if o.kind == obuSequenceHeader && c.sequence == nil {
			if _, err := c.learn(o.body); err != nil {
				return nil, err
			}
		}
	}
	if !c.whole() {
		return c, nil
	}
	return c, c.rebuild()
}

// obu is one open bitstream unit.
type obu struct {
	kind  byte
	sized bool
	size  int    // all of it
	body  []byte // without header and size
}

// readOBU reads the OBU that b, which is not empty, begins with. Without a size it is all of b.
func readOBU(b []byte) (obu, error) {
	o := obu{kind: b[0] >> 3 & 0x0F, sized: b[0]&obuHasSize != 0}
	head := 1 + int(b[0]>>2&1) // with an extension
	if b[0]&0x80 != 0 || len(b) < head {
		return o, badAV1("an OBU has a broken header")
	}
	if !o.sized {
		o.size, o.body = len(b), b[head:]
		return o, nil
	}
	n, used := binary.Uvarint(b[head:min(head+8, len(b))]) // LEB128, of 8 bytes at most
	if used <= 0 {
		return o, badAV1("an OBU has a broken size")
	}
	if n > uint64(len(b)-head-used) {
		return o, badAV1("an OBU is longer than its frame")
	}
	o.size = head + used + int(n)
	o.body = b[head+used : o.size]
	return o, nil
}

// appendOBU writes an OBU with a size; first is its first byte, and extension what follows it, if any.
func appendOBU(b []byte, first byte, extension, body []byte) []byte {
	b = append(append(b, first|obuHasSize), extension...)
	return append(binary.AppendUvarint(b, uint64(len(body))), body...)
}

// whole tells whether there is all that a decoder needs.
func (c *av1Config) whole() bool { return c.sequence != nil }

// same tells whether b is a configuration that says what c does.
func (c *av1Config) same(b videoDecoder) bool {
	other, ok := b.(*av1Config)
	return ok && bytes.Equal(c.record, other.record)
}

// learn takes the body of a sequence header and says whether it was new.
func (c *av1Config) learn(body []byte) (bool, error) {
	if n := len(c.sequence); n > 0 && len(body) > 0 && bytes.HasSuffix(c.sequence, body) &&
		n == 1+uvarintSize(len(body))+len(body) {
		return false, nil
	}
	if len(body) > maxHeader {
		return false, badAV1("the sequence header is too long")
	}
	h, err := parseAV1Header(body)
	if err != nil {
		return false, err
	}
	c.header = h
	c.sequence = appendOBU(nil, obuSequenceHeader<<3, nil, body) // tracks share the old one
	return true, nil
}

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// rebuild makes the record anew after accessUnit said that it changed; c must be whole.
func (c *av1Config) rebuild() error {
	h := &c.header
	b := []byte{0x81, h.profile<<5 | h.level, 0, 0}
	for i, set := range []bool{h.tier, h.depth > 8, h.depth == 12, h.mono, h.subX, h.subY} {
		if set {
			b[2] |= 0x80 >> i
		}
	}
	b[2] |= h.position
	c.record = append(b, c.sequence...)
	return nil
}

// track describes the video that c, which is whole, decodes.
func (c *av1Config) track(id int, d declared) (*media.Track, error) {
	h := &c.header
	if err := checkSize(media.AV1, h.width, h.height); err != nil {
		return nil, err
	}
	return &media.Track{
		ID: id, Kind: media.Video, Codec: media.AV1, Config: c.record,
		Width: h.width, Height: h.height, FrameRate: frameRate(d, h.rate), Bitrate: d.video,
	}, nil
}

// accessUnit checks the OBUs of a temporal unit and takes out what has no place in an av01 sample or
// carries nothing: delimiters, padding, tile lists. What it gives lies within b, which must not be shared,
// unless an OBU must get a size, or a key frame its sequence header, which a sample may not be without.
func (c *av1Config) accessUnit(b []byte) (picture, error) {
	var p picture
	pictures, headed := false, false
	start, w, r := 0, 0, 0 // b[start:w] is what stays
	for r < len(b) {
		o, err := readOBU(b[r:])
		if err != nil {
			return picture{}, err
		}
		end := r + o.size
		switch o.kind {
		case obuSequenceHeader:
			changed, err := c.learn(o.body)
			if err != nil {
				return picture{}, err
			}
			p.changed = p.changed || changed
			headed = true
		case obuFrame, obuFrameHeader:
			if !pictures {
				p.key = c.whole() && startsHere(o.body, c.header.still)
			}
			pictures = true
		}
		switch {
		case o.kind == obuDelimiter || o.kind == obuPadding || o.kind == obuTileList:
			if w == start {
				start, w = end, end
			}
		case !o.sized: // it is the last one
			head := o.size - len(o.body)
			b = appendOBU(bytes.Clone(b[start:w]), b[r], b[r+1:r+head], o.body)
			start, w, end = 0, len(b), len(b)
		default:
			if w != r {
				copy(b[w:], b[r:end])
			}
			w += end - r
		}
		r = end
	}
	if !pictures {
		return p, nil
	}
	p.payload = b[start:w:w]
	if p.key && !headed {
		p.payload = append(bytes.Clone(c.sequence), p.payload...)
	}
	return p, nil
}

// startsHere tells by the beginning of a frame header (§5.9.2) whether it is that of a key frame that is
// shown. still is reduced_still_picture_header of the sequence.
func startsHere(body []byte, still bool) bool {
	// show_existing_frame, frame_type in two bits (0 is a key frame), show_frame
	return still || len(body) > 0 && body[0]>>4 == 1
}
