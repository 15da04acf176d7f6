package transcode

import (
	"bufio"
	"errors"
	"io"

	"github.com/streamcat/streamcat/internal/media"
)

// adtsFrame is one AAC frame off an ADTS stream (ISO/IEC 14496-3 §1.A.2.2).
type adtsFrame struct {
	config  [2]byte // its AudioSpecificConfig
	rate    int     // Hz
	payload []byte
}

var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

var errADTS = errors.New("transcode: what ffmpeg wrote is not ADTS")

// readADTS reads the next frame into memory of its own.
func readADTS(r *bufio.Reader) (f adtsFrame, err error) {
	var h [7]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return f, err
	}
	object, rate, channels := h[2]>>6+1, h[2]>>2&15, h[2]&1<<2|h[3]>>6
	size := int(h[3]&3)<<11 | int(h[4])<<3 | int(h[5]>>5)
	head := len(h)
	if h[1]&1 == 0 {
		head += 2 // a checksum
	}
	if h[0] != 0xFF || h[1]&0xF6 != 0xF0 || h[6]&3 != 0 || int(rate) >= len(adtsRates) || size <= head {
		return f, errADTS
	}
	if _, err := r.Discard(head - len(h)); err != nil {
		return f, err
	}
	f.config = [2]byte{object<<3 | rate>>1, rate<<7 | channels<<3}
	f.rate = adtsRates[rate]
	f.payload = make([]byte, size-head)
	_, err = io.ReadFull(r, f.payload)
	return f, err
}

// adtsLongest is how many bytes a frame may have, its header not counted.
const adtsLongest = 1<<13 - 1 - 7

// adtsHead is what the headers of one track's frames have in common.
type adtsHead struct{ rate, channels byte } // rate is an index of adtsRates

// adtsHeadOf reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). It is false for what is not AAC-LC in frames of
// 1024 samples, of one or two channels.
func adtsHeadOf(t *media.Track) (h adtsHead, ok bool) {
	if t.Codec != media.AAC || len(t.Config) < 2 {
		return h, false
	}
	object, short := t.Config[0]>>3, t.Config[1]&4 != 0
	h = adtsHead{rate: t.Config[0]&7<<1 | t.Config[1]>>7, channels: t.Config[1] >> 3 & 15}
	return h, object == 2 && !short && int(h.rate) < len(adtsRates) && (h.channels == 1 || h.channels == 2)
}

// append writes the header of a frame of n bytes.
func (h adtsHead) append(b []byte, n int) []byte {
	n += 7
	return append(b, 0xFF, 0xF1, 1<<6|h.rate<<2|h.channels>>2, h.channels<<6|byte(n>>11), byte(n>>3), byte(n<<5)|0x1F, 0xFC)
}
