package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The chunk stream is section 5.3 of Adobe's "Real-Time Messaging Protocol (RTMP) specification 1.0".

// Message types.
const (
	msgSetChunkSize  = 1
	msgAbort         = 2
	msgAck           = 3
	msgUserControl   = 4
	msgWindowAck     = 5
	msgPeerBandwidth = 6
	msgAudio         = 8
	msgVideo         = 9
	msgDataAMF3      = 15
	msgCommandAMF3   = 17
	msgDataAMF0      = 18
	msgCommandAMF0   = 20
	msgAggregate     = 22
)

const (
	defaultChunkSize = 128
	maxChunkStreams  = 32       // encoders use four or five
	extended         = 0xFFFFFF // a timestamp field of this value says that 32 bits follow
	eagerAlloc       = 1 << 20  // up to this length a message gets its memory at once, a longer one as it comes
)

// limits bounds what one connection can make us hold. It is wider for admitted publishers.
type limits struct {
	message int // bytes of one message
	pending int // announced bytes of all messages under way
}

var (
	strangerLimits  = limits{message: 64 << 10, pending: 128 << 10}
	publisherLimits = limits{message: 8 << 20, pending: 16 << 20}
)

// message is one RTMP message. The payload belongs to whoever reads the message.
type message struct {
	kind      byte
	stream    uint32
	timestamp uint32 // milliseconds, modulo 2³²
	payload   []byte
}

// chunkStream is what the last chunks with one id said.
type chunkStream struct {
	id        uint32
	kind      byte
	stream    uint32
	timestamp uint32
	delta     uint32 // what a following message without a timestamp of its own adds
	field     uint32 // the timestamp or delta as last written
	length    uint32
	extended  bool   // the field was written with 32 bits
	under     bool   // a message is under way: buf holds its beginning
	buf       []byte // cap may be less than length for very long messages
}

// chunkReader puts messages together. It owns nothing but memory within its limits.
type chunkReader struct {
	src     *source
	size    uint32 // the peer's chunk size
	limits  limits
	pending int
	streams []*chunkStream
	alloc   func(kind byte, n int) []byte // gives an empty slice with room for n bytes
}

func newChunkReader(src *source) *chunkReader {
	return &chunkReader{
		src: src, size: defaultChunkSize, limits: strangerLimits,
		alloc: func(_ byte, n int) []byte { return make([]byte, 0, n) },
	}
}

// badBytes is a breach of the protocol by the peer. Its text never quotes what was sent.
type badBytes string

func (e badBytes) Error() string { return string(e) }

var errTooManyChunkStreams = badBytes("too many chunk streams")

// next gives the next whole message. Messages that steer the chunk stream itself (chunk size, abort) take
// effect here and are not given out. Broken input gives badBytes, everything else is the source's error.
func (r *chunkReader) next() (message, error) {
	for {
		cs, err := r.chunk()
		if err != nil {
			return message{}, err
		}
		if cs == nil {
			continue
		}
		m := message{cs.kind, cs.stream, cs.timestamp, cs.buf}
		r.drop(cs)
		switch m.kind {
		case msgSetChunkSize:
			if len(m.payload) < 4 {
				return message{}, badBytes("chunk size message is cut short")
			}
			n := binary.BigEndian.Uint32(m.payload) & 0x7FFFFFFF
			if n == 0 {
				return message{}, badBytes("chunk size is zero")
			}
			r.size = n // however large: a chunk never exceeds its message, and those are limited
		case msgAbort:
			if len(m.payload) < 4 {
				return message{}, badBytes("abort message is cut short")
			}
			if cs := r.find(binary.BigEndian.Uint32(m.payload)); cs != nil {
				r.drop(cs)
			}
		default:
			return m, nil
		}
	}
}

func (r *chunkReader) find(id uint32) *chunkStream {
	for _, cs := range r.streams {
		if cs.id == id {
			return cs
		}
	}
	return nil
}

// drop forgets the message under way.
func (r *chunkReader) drop(cs *chunkStream) {
	if cs.under {
		r.pending -= int(cs.length)
		cs.under, cs.buf = false, nil
	}
}

// chunk reads one chunk and gives its stream if that completed a message.
func (r *chunkReader) chunk() (*chunkStream, error) {
	b, err := r.src.peek(1)
	if err != nil {
		return nil, err // io.EOF here is an orderly end
	}
	format, id, basic := b[0]>>6, uint32(b[0]&0x3F), 1
	if id < 2 {
		basic = 2 + int(id)
		if b, err = r.src.peek(basic); err != nil {
			return nil, err
		}
		id = 64 + uint32(b[1])
		if basic == 3 {
			id += uint32(b[2]) << 8
		}
	}
	cs := r.find(id)
	if cs == nil {
		// Type 1 on a new stream is not allowed, but librtmp sends it.
		if format > 1 {
			return nil, badBytes("chunk refers to a header that was never sent")
		}
		if len(r.streams) >= maxChunkStreams {
			return nil, errTooManyChunkStreams
		}
		cs = &chunkStream{id: id}
		r.streams = append(r.streams, cs)
	}
	if err := r.header(cs, format, basic); err != nil {
		return nil, err
	}
	if !cs.under {
		if err := r.begin(cs); err != nil {
			return nil, err
		}
	}
	if err := r.body(cs); err != nil {
		return nil, err
	}
	if len(cs.buf) < int(cs.length) {
		return nil, nil
	}
	return cs, nil
}

// header reads the message header of a chunk, and the extended timestamp if there is one.
func (r *chunkReader) header(cs *chunkStream, format byte, basic int) error {
	if format == 3 {
		r.src.skip(basic)
		return r.repeated(cs)
	}
	if cs.under {
		return badBytes("a message begins before the one before it has ended")
	}
	size := basic + [3]int{11, 7, 3}[format]
	b, err := r.src.peek(size)
	if err != nil {
		return err
	}
	b = b[basic:]
	cs.field = uint24(b)
	if format < 2 {
		cs.length = uint24(b[3:])
		cs.kind = b[6]
	}
	if format == 0 {
		cs.stream = binary.LittleEndian.Uint32(b[7:])
	}
	r.src.skip(size)
	cs.extended = cs.field == extended
	if cs.extended {
		if b, err = r.src.peek(4); err != nil {
			return cut(err)
		}
		cs.field = binary.BigEndian.Uint32(b)
		r.src.skip(4)
	}
	if format > 0 {
		cs.timestamp += cs.field
		cs.delta = cs.field
		return nil
	}
	cs.timestamp = cs.field
	// A following message without a header repeats "the delta", which after an absolute timestamp is by
	// the specification that timestamp itself, and ffmpeg means it so. Others mean zero. Only the former
	// is plausible while the value is small, only the latter when it is large.
	cs.delta = 0
	if cs.field <= 1000 {
		cs.delta = cs.field
	}
	return nil
}

// repeated handles a chunk of type 3: more of a message, or a new one like the last.
func (r *chunkReader) repeated(cs *chunkStream) error {
	if cs.extended {
		// By the specification the extended timestamp is repeated here. Not all encoders do it, and some
		// repeat the absolute time in place of the delta: look whether it is there.
		b, err := r.src.peek(4)
		if err != nil {
			return cut(err)
		}
		if v := binary.BigEndian.Uint32(b); v == cs.field || v == cs.timestamp {
			r.src.skip(4)
		}
	}
	if !cs.under {
		cs.timestamp += cs.delta
	}
	return nil
}

// begin makes room for a new message.
func (r *chunkReader) begin(cs *chunkStream) error {
	n := int(cs.length)
	if n > r.limits.message {
		return badBytes(fmt.Sprintf("message of %d bytes is over the limit of %d", n, r.limits.message))
	}
	if r.pending+n > r.limits.pending {
		return badBytes("too much data in unfinished messages")
	}
	r.pending += n
	cs.under = true
	cs.buf = r.alloc(cs.kind, min(n, eagerAlloc))
	return nil
}

// body reads the payload of a chunk straight into its message.
func (r *chunkReader) body(cs *chunkStream) error {
	n := min(int(cs.length)-len(cs.buf), int(r.size))
	for n > 0 {
		if len(cs.buf) == cap(cs.buf) {
			grown := make([]byte, len(cs.buf), min(2*cap(cs.buf), int(cs.length)))
			copy(grown, cs.buf)
			cs.buf = grown
		}
		have := len(cs.buf)
		part := min(n, cap(cs.buf)-have)
		cs.buf = cs.buf[:have+part]
		if err := r.src.full(cs.buf[have:]); err != nil {
			return err
		}
		n -= part
	}
	return nil
}

func uint24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func appendUint24(b []byte, v uint32) []byte { return append(b, byte(v>>16), byte(v>>8), byte(v)) }

// Chunk streams that both our sides write on. Which is which has no meaning on the wire.
const (
	csControl = 2
	csCommand = 3
	csAudio   = 4
	csVideo   = 6
)

var errMessageTooLong = errors.New("ingest: message is longer than RTMP can say")

// appendHeader writes the header of the first chunk of a message, always in the full form.
func appendHeader(b []byte, cs byte, m *message) []byte {
	ts := min(m.timestamp, extended)
	b = append(b, cs)
	b = appendUint24(b, ts)
	b = appendUint24(b, uint32(len(m.payload)))
	b = append(b, m.kind)
	b = binary.LittleEndian.AppendUint32(b, m.stream)
	if ts == extended {
		b = binary.BigEndian.AppendUint32(b, m.timestamp)
	}
	return b
}

// appendMessage writes a whole message in chunks of size bytes on a chunk stream below 64.
func appendMessage(b []byte, cs byte, size int, m message) ([]byte, error) {
	if len(m.payload) >= 1<<24 {
		return b, errMessageTooLong
	}
	b = appendHeader(b, cs, &m)
	for rest := m.payload; ; {
		n := min(size, len(rest))
		b = append(b, rest[:n]...)
		if rest = rest[n:]; len(rest) == 0 {
			return b, nil
		}
		b = append(b, 0xC0|cs)
		if m.timestamp >= extended {
			b = binary.BigEndian.AppendUint32(b, m.timestamp)
		}
	}
}
