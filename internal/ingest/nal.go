package ingest

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/media"
)

// What H.264 and HEVC share: frames of NAL units with a length before each (ISO/IEC 14496-15 §4.3.3.1),
// and parameter sets, which belong to the decoder's configuration.

const (
	maxParameterSets = 16
	// maxHeader is how long a parameter set, or a sequence header of AV1, may be. Real ones have some thirty
	// bytes, and with every list that they may hold three thousand. They are copied with what comes after them, so
	// a long one would let a few bytes that a publisher sends cost us megabytes.
	maxHeader      = 4 << 10
	maxPictureSide = 8192
)

// picture is what an access unit turned out to hold.
type picture struct {
	payload []byte // as media.Codec says; nil if there is nothing to decode
	key     bool   // decoding may start here
	changed bool   // what came along differs from the configuration, which is now new: rebuild it
}

func badPicture(c media.Codec, what string) error {
	return fault.InvalidInput("broken %v video: %s", c, what)
}

// sift goes over the NAL units in b and leaves those out that keep does not want, and empty ones. It
// works in place: the result, NAL units with lengths of 4 bytes, lies within b, which must not be
// shared, unless the lengths in b have another size.
func sift(c media.Codec, b []byte, lengthSize int, keep func(nal []byte) bool) ([]byte, error) {
	if lengthSize != 4 {
		wide, err := widen(c, b, lengthSize)
		if err != nil {
			return nil, err
		}
		b = wide
	}
	start, w, r := 0, 0, 0 // b[start:w] is what stays
	for r < len(b) {
		if len(b)-r < 4 {
			return nil, badPicture(c, "a NAL unit is cut short")
		}
		n := uint64(binary.BigEndian.Uint32(b[r:]))
		if n > uint64(len(b)-r-4) {
			return nil, badPicture(c, "a NAL unit is longer than its frame")
		}
		end := r + 4 + int(n)
		if n > 0 && keep(b[r+4:end]) {
			if w != r {
				copy(b[w:], b[r:end])
			}
			w += end - r
		} else if w == start {
			start, w = end, end
		}
		r = end
	}
	return b[start:w:w], nil
}

// widen rewrites NAL lengths of 1 or 2 bytes as 4.
func widen(c media.Codec, b []byte, size int) ([]byte, error) {
	out := make([]byte, 0, len(b)+len(b)/64+64)
	for len(b) > 0 {
		if len(b) < size {
			return nil, badPicture(c, "a NAL unit is cut short")
		}
		n := int(b[0])
		if size == 2 {
			n = n<<8 | int(b[1])
		}
		if b = b[size:]; n > len(b) {
			return nil, badPicture(c, "a NAL unit is longer than its frame")
		}
		out = append(binary.BigEndian.AppendUint32(out, uint32(n)), b[:n]...)
		b = b[n:]
	}
	return out, nil
}

// readSets takes n parameter sets off b, each with a length of 2 bytes before it. want tells whether a
// set, which is not empty, is of the right kind.
func readSets(c media.Codec, b []byte, n int, want func(nal []byte) bool) (sets [][]byte, rest []byte, err error) {
	if n == 0 || n > maxParameterSets {
		return nil, nil, badPicture(c, "the decoder configuration has no parameter sets, or too many")
	}
	for range n {
		if len(b) < 2 {
			return nil, nil, badPicture(c, "the decoder configuration is cut short")
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size == 0 || size > len(b) {
			return nil, nil, badPicture(c, "a parameter set is cut short")
		}
		if size > maxHeader {
			return nil, nil, badPicture(c, "a parameter set is too long")
		}
		set := b[:size:size]
		if b = b[size:]; !want(set) {
			return nil, nil, badPicture(c, "a parameter set is of the wrong kind")
		}
		sets = append(sets, set)
	}
	return sets, b, nil
}

func appendSets(b []byte, sets [][]byte) []byte {
	for _, set := range sets {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(set))), set...)
	}
	return b
}

// learn takes a parameter set that came with a picture and says whether it was new. It takes the place
// of the one that has its id; id gives -1 for a set that has none.
func learn(sets *[][]byte, nal []byte, id func([]byte) int) bool {
	for _, set := range *sets {
		if bytes.Equal(set, nal) {
			return false
		}
	}
	if len(nal) > maxHeader {
		return false
	}
	own, at := id(nal), -1
	for i, set := range *sets {
		if id(set) == own {
			at = i
		}
	}
	if own < 0 || at < 0 && len(*sets) >= maxParameterSets {
		return false
	}
	next := append([][]byte(nil), *sets...) // tracks share the old ones
	if at < 0 {
		next = append(next, bytes.Clone(nal))
	} else {
		next[at] = bytes.Clone(nal)
	}
	*sets = next
	return true
}

// frameRate is what a track says of its rate: what was declared, else what its headers tell, if that
// can be true.
func frameRate(d declared, told float64) float64 {
	rate := d.frameRate
	if rate == 0 {
		rate = told
	}
	if math.IsNaN(rate) || rate < 0 || rate > 1000 {
		return 0
	}
	return rate
}

func checkSize(c media.Codec, w, h int) error {
	if w <= 0 || h <= 0 || w > maxPictureSide || h > maxPictureSide {
		return badPicture(c, "the picture size is out of bounds")
	}
	return nil
}
