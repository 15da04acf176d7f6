package ingest

import "github.com/streamcat/streamcat/internal/media"

const (
	slabBytes  = 128 << 10
	slabPiece  = slabBytes / 4 // what is longer gets memory of its own
	slabFrames = 16
)

// arena gives memory for payloads and frames in slabs, since frames live as long as any reader wants
// and cannot be given back. A frame that stays keeps its slabs alive, which is why they are small.
type arena struct {
	bytes  []byte
	frames []media.Frame
}

// buffer gives an empty slice with room for exactly n bytes.
func (a *arena) buffer(n int) []byte {
	if n > slabPiece {
		return make([]byte, 0, n)
	}
	if n > len(a.bytes) {
		a.bytes = make([]byte, slabBytes)
	}
	b := a.bytes[:0:n]
	a.bytes = a.bytes[n:]
	return b
}

// frame gives a zero frame.
func (a *arena) frame() *media.Frame {
	if len(a.frames) == 0 {
		a.frames = make([]media.Frame, slabFrames)
	}
	f := &a.frames[0]
	a.frames = a.frames[1:]
	return f
}
