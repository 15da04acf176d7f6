package rtc

import (
	"encoding/binary"

	"github.com/streamcat/streamcat/internal/media"
)

// Bidirectional tells whether a frame of H.264 is a picture with B slices (ITU-T H.264 §7.4.3, table 7-6), by the
// first of them. Real-time players show pictures as they come and cannot show those that refer to later ones.
func Bidirectional(f *media.Frame) bool {
	for b := f.Payload; len(b) > 4; {
		n := uint64(binary.BigEndian.Uint32(b))
		if b = b[4:]; n == 0 || n > uint64(len(b)) {
			return false
		}
		if kind := b[0] & 0x1F; kind == nalSlice || kind == nalIDR {
			r := bitReader{b: b[1:min(n, 16)]}
			r.ue() // its first macroblock
			kind := r.ue()
			return r.err == nil && kind < 10 && kind%5 == 1
		}
		b = b[n:]
	}
	return false
}
