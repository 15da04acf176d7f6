package ingest

import (
	"errors"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
)

var errBitsEnd = errors.New("ingest: header ends too early")

// bitReader reads the fields of a header. After the first field that does not fit all are zero, and err
// says so.
type bitReader struct {
	buf []byte
	pos int
	err error
}

// u reads an unsigned number of n bits, at most 64.
func (r *bitReader) u(n int) uint64 {
	if r.err != nil {
		return 0
	}
	v, err := bits.ReadBits(r.buf, &r.pos, n)
	r.err = err
	return v
}

func (r *bitReader) flag() bool { return r.u(1) == 1 }

// ue reads an unsigned Exp-Golomb code (ITU-T H.265 §9.2).
func (r *bitReader) ue() uint32 {
	if r.err != nil {
		return 0
	}
	v, err := bits.ReadGolombUnsigned(r.buf, &r.pos)
	r.err = err
	return v
}

func (r *bitReader) skip(n int) {
	if r.err == nil && n > len(r.buf)*8-r.pos {
		r.err = errBitsEnd
	}
	r.pos += n
}
