package rtc

import "errors"

var errBits = errors.New("rtc: the bits are at their end")

// bitReader reads the payload of a NAL unit and leaves the emulation prevention bytes out
// (ITU-T H.264 §7.4.1). After an error everything reads as zero.
type bitReader struct {
	b     []byte
	at    int // bits read
	zeros int // zero bytes before the current one
	err   error
}

func (r *bitReader) bit() uint32 {
	i := r.at >> 3
	if i >= len(r.b) {
		r.err = errBits
		return 0
	}
	v := uint32(r.b[i]>>(7-r.at&7)) & 1
	if r.at++; r.at&7 == 0 {
		if r.b[i] == 0 {
			r.zeros++
		} else {
			r.zeros = 0
		}
		if r.zeros >= 2 && i+1 < len(r.b) && r.b[i+1] == 3 {
			r.at += 8
			r.zeros = 0
		}
	}
	return v
}

func (r *bitReader) bits(n int) (v uint32) {
	for range n {
		v = v<<1 | r.bit()
	}
	return v
}

// ue reads an unsigned Exp-Golomb code (§9.1).
func (r *bitReader) ue() uint32 {
	zeros := 0
	for r.bit() == 0 {
		if zeros++; zeros > 31 || r.err != nil {
			r.err = errBits
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

func (r *bitReader) se() int32 {
	v := r.ue()
	if v&1 == 1 {
		return int32(v/2) + 1
	}
	return -int32(v / 2)
}
