package ingest

import (
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// chunk builds one chunk by hand: a basic header, the rest of the header as given, and the payload.
func chunk(format, cs byte, header []byte, payload string) []byte {
	return append(append([]byte{format<<6 | cs}, header...), payload...)
}

// head0 is the header of type 0, head1 of type 1, head2 of type 2.
func head0(ts uint32, n int, kind byte) []byte {
	return append(append(appendUint24(appendUint24(nil, ts), uint32(n)), kind), 1, 0, 0, 0)
}

func head1(delta uint32, n int, kind byte) []byte {
	return append(appendUint24(appendUint24(nil, delta), uint32(n)), kind)
}

func head2(delta uint32) []byte { return appendUint24(nil, delta) }

func be32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

type got struct {
	Kind byte
	Time uint32
	Text string
}

func readAll(t testing.TB, b []byte, l limits) ([]got, error) {
	r := newChunkReader(sourceOf(t, b))
	r.limits = l
	var out []got
	for {
		m, err := r.next()
		if err != nil {
			return out, err
		}
		out = append(out, got{m.kind, m.timestamp, string(m.payload)})
	}
}

func TestChunksBecomeMessages(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		name string
		in   []byte
		want []got
	}{
		{"one chunk", chunk(0, 4, head0(5, 3, 8), "abc"), []got{{8, 5, "abc"}}},
		{"an empty message", chunk(0, 4, head0(5, 0, 8), ""), []got{{8, 5, ""}}},
		{
			"a long message in chunks of 128", join(chunk(0, 4, head0(5, 300, 9), long[:128]), chunk(3, 4, nil, long[:128]), chunk(3, 4, nil, long[:44])),
			[]got{{9, 5, long}},
		},
		{
			"audio between the chunks of a picture", join(chunk(0, 6, head0(5, 200, 9), long[:128]), chunk(0, 4, head0(6, 2, 8), "au"), chunk(3, 6, nil, long[:72])),
			[]got{{8, 6, "au"}, {9, 5, long[:200]}},
		},
		{
			"deltas add up", join(chunk(0, 4, head0(5000, 1, 8), "a"), chunk(1, 4, head1(20, 2, 8), "bb"), chunk(2, 4, head2(21), "cc"), chunk(3, 4, nil, "dd")),
			[]got{{8, 5000, "a"}, {8, 5020, "bb"}, {8, 5041, "cc"}, {8, 5062, "dd"}},
		},
		{"type 3 after a small absolute time repeats it", join(chunk(0, 4, head0(23, 1, 8), "a"), chunk(3, 4, nil, "b")), []got{{8, 23, "a"}, {8, 46, "b"}}},
		{"type 3 after a large absolute time repeats nothing", join(chunk(0, 4, head0(5000, 1, 8), "a"), chunk(3, 4, nil, "b")), []got{{8, 5000, "a"}, {8, 5000, "b"}}},
		{"type 1 may come first", chunk(1, 2, head1(7, 1, 8), "a"), []got{{8, 7, "a"}}},
		{"chunk stream ids of two and three bytes", join(chunk(0, 0, append([]byte{10}, head0(1, 1, 8)...), "a"), chunk(0, 1, append([]byte{0, 1}, head0(2, 1, 8)...), "b"),
			chunk(3, 0, []byte{10}, "c")), []got{{8, 1, "a"}, {8, 2, "b"}, {8, 2, "c"}}},
		{"an extended timestamp, repeated in type 3", join(chunk(0, 4, append(head0(extended, 130, 8), be32(0x01000000)...), long[:128]),
			chunk(3, 4, be32(0x01000000), "yz")), []got{{8, 0x01000000, long[:128] + "yz"}}},
		{"an extended timestamp, not repeated in type 3", join(chunk(0, 4, append(head0(extended, 134, 8), be32(0x01000000)...), long[:128]),
			chunk(3, 4, nil, "uvwxyz")), []got{{8, 0x01000000, long[:128] + "uvwxyz"}}},
		{
			"an extended delta, with the absolute time repeated", join(chunk(0, 4, head0(10, 1, 8), "a"),
				chunk(1, 4, append(head1(extended, 130, 8), be32(0x02000000)...), long[:128]), chunk(3, 4, be32(0x0200000A), "yz")),
			[]got{{8, 10, "a"}, {8, 0x0200000A, long[:128] + "yz"}},
		},
		{"the chunk size changes", join(chunk(0, 2, head0(0, 4, msgSetChunkSize), string(be32(1000))), chunk(0, 4, head0(5, 300, 9), long)), []got{{9, 5, long}}},
		{"a giant chunk size is just no limit", join(chunk(0, 2, head0(0, 4, msgSetChunkSize), "\xff\xff\xff\xff"), chunk(0, 4, head0(5, 300, 9), long)), []got{{9, 5, long}}},
		{"an aborted message is forgotten", join(chunk(0, 4, head0(5, 200, 8), long[:128]), chunk(0, 2, head0(0, 4, msgAbort), string(be32(4))),
			chunk(0, 4, head0(6, 1, 8), "a")), []got{{8, 6, "a"}}},
		{"an abort of nothing is ignored", join(chunk(0, 2, head0(0, 4, msgAbort), string(be32(77))), chunk(0, 4, head0(6, 1, 8), "a")), []got{{8, 6, "a"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := readAll(t, c.in, strangerLimits)
			if err != io.EOF {
				t.Errorf("end: got %v, want io.EOF", err)
			}
			if d := cmp.Diff(c.want, out); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBadChunksAreRefused(t *testing.T) {
	long := strings.Repeat("x", 128)
	var many []byte
	for i := range byte(maxChunkStreams + 1) {
		many = append(many, chunk(0, 2+i, head0(0, 1, 8), "a")...)
	}
	var unfinished []byte
	for i := range byte(3) {
		unfinished = append(unfinished, chunk(0, 4+i, head0(0, 60<<10, 8), long)...)
	}
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"a message over the limit", chunk(0, 4, head0(0, 65<<10, 8), ""), "over the limit"},
		{"an absurd message length", chunk(0, 4, head0(0, 0xFFFFFF, 8), ""), "over the limit"},
		{"many unfinished messages", unfinished, "unfinished messages"},
		{"too many chunk streams", many, "too many chunk streams"},
		{"type 3 without a header before", chunk(3, 9, nil, ""), "never sent"},
		{"type 2 without a header before", chunk(2, 9, head2(1), ""), "never sent"},
		{"a header within a message", join(chunk(0, 4, head0(5, 200, 8), long), chunk(0, 4, head0(5, 200, 8), long)), "begins before"},
		{"a chunk size of zero", chunk(0, 2, head0(0, 4, msgSetChunkSize), string(be32(0))), "zero"},
		{"a chunk size cut short", chunk(0, 2, head0(0, 2, msgSetChunkSize), "ab"), "cut short"},
		{"an abort cut short", chunk(0, 2, head0(0, 2, msgAbort), "ab"), "cut short"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAll(t, c.in, strangerLimits)
			var bad badBytes
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want bad bytes: %q", err, c.want)
			}
		})
	}
}

func TestTruncatedChunksEndUnexpectedly(t *testing.T) {
	whole := join(chunk(0, 4, append(head0(extended, 130, 8), be32(0x01000000)...), strings.Repeat("x", 128)), chunk(3, 4, be32(0x01000000), "yz"))
	for n := 1; n < len(whole); n++ {
		_, err := readAll(t, whole[:n], strangerLimits)
		if err != io.ErrUnexpectedEOF && !(err == io.EOF && n == 144) { // between two chunks an end looks orderly
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}

func TestAnnouncedLengthTakesNoMemoryBeforeItsBytes(t *testing.T) {
	r := newChunkReader(sourceOf(t, chunk(0, 4, head0(0, 8<<20, 9), "x")))
	r.limits = publisherLimits
	if _, err := r.next(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if n := cap(r.streams[0].buf); n > eagerAlloc {
		t.Errorf("%d bytes were allocated for one that came", n)
	}
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 5000, 3 << 20} {
		for _, ts := range []uint32{0, extended - 1, extended, extended + 1, 1<<32 - 1} {
			in := message{kind: msgVideo, stream: 1, timestamp: ts, payload: make([]byte, n)}
			for i := range in.payload {
				in.payload[i] = byte(i * 7)
			}
			b, err := appendMessage(nil, csVideo, defaultChunkSize, in)
			if err != nil {
				t.Fatal(err)
			}
			r := newChunkReader(sourceOf(t, b))
			r.limits = publisherLimits
			out, err := r.next()
			if err != nil {
				t.Fatalf("%d bytes at %d: %v", n, ts, err)
			}
			if !reflect.DeepEqual(out, in) {
				t.Fatalf("%d bytes at %d changed", n, ts)
			}
			if r.pending != 0 {
				t.Errorf("pending: %d", r.pending)
			}
		}
	}
	if _, err := appendMessage(nil, csVideo, 128, message{payload: make([]byte, 1<<24)}); err == nil {
		t.Error("a message of 16 MiB was written")
	}
}

func TestAMF0(t *testing.T) {
	deep := strings.Repeat("\x0a\x00\x00\x00\x01", 50)
	for _, c := range []struct {
		name, in string
		want     []any
		err      error
	}{
		{
			"a command", "\x02\x00\x07connect\x00\x3f\xf0\x00\x00\x00\x00\x00\x00\x03\x00\x03app\x02\x00\x01x\x00\x00\x09",
			[]any{"connect", 1.0, amfObject{{"app", "x"}}},
			nil,
		},
		{"nothing", "", nil, nil},
		{
			"all simple kinds", "\x01\x01\x01\x00\x05\x06\x0d\x0c\x00\x00\x00\x02hi\x0f\x00\x00\x00\x01x\x0b\x3f\xf0\x00\x00\x00\x00\x00\x00\x00\x00",
			[]any{true, false, nil, nil, nil, "hi", "x", 1.0},
			nil,
		},
		{"an ECMA array with a wrong count", "\x08\xff\xff\xff\xff\x00\x01a\x05\x00\x00\x09", []any{amfObject{{"a", nil}}}, nil},
		{"a strict array", "\x0a\x00\x00\x00\x02\x05\x01\x01", []any{[]any{nil, true}}, nil},
		{"a typed object", "\x10\x00\x01T\x00\x01a\x01\x01\x00\x00\x09", []any{amfObject{{"a", true}}}, nil},
		{"an object whose end marker is missing", "\x03\x00\x01a\x05", []any{amfObject{{"a", nil}}}, nil},
		{"a string cut short", "\x02\x00\x09abc", nil, errAMFShort},
		{"a long string of 4 GiB", "\x0c\xff\xff\xff\xffabc", nil, errAMFShort},
		{"a number cut short", "\x00\x00", nil, errAMFShort},
		{"an array of 4 G values", "\x0a\xff\xff\xff\xff\x05\x05", nil, errAMFShort},
		{"a nesting bomb of arrays", deep, nil, errAMFDeep},
		{"a nesting bomb of objects", strings.Repeat("\x03\x00\x01a", 50), nil, errAMFDeep},
		{"too many values", strings.Repeat("\x05", amfMaxValues+1), nil, errAMFMany},
		{"a reference", "\x07\x00\x01", nil, errAMFMarker},
		{"AMF3", "\x11\x04\x01", nil, errAMFMarker},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := decodeAMF([]byte(c.in))
			if err != c.err {
				t.Fatalf("error: got %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			if d := cmp.Diff(c.want, out); d != "" {
				t.Fatal(d)
			}
			again, err := decodeAMF(appendAMF(nil, out...))
			if err != nil || !cmp.Equal(out, again) {
				t.Errorf("printed and read again: %v, %v", again, err)
			}
		})
	}
}

func TestLongStringsArePrintedAsSuch(t *testing.T) {
	in := strings.Repeat("x", 70000)
	out, err := decodeAMF(appendAMF(nil, in))
	if err != nil || out[0] != in {
		t.Errorf("%d values, %v", len(out), err)
	}
}
