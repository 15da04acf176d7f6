package bwe

import (
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"pgregory.net/rapid"
)

type told struct {
	number   uint16
	received bool
	at       int64
}

func read(b []byte) (list []told, err error) {
	m, err := parse(b)
	if err != nil {
		return nil, err
	}
	err = m.each(func(number uint16, received bool, at int64) { list = append(list, told{number, received, at}) })
	return list, err
}

// TestFeedbackIsRead checks the parser against what another implementation writes: all kinds of chunks and deltas.
func TestFeedbackIsRead(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		base := rapid.Uint16().Draw(r, "first")
		var want []told
		p := rtcp.TransportLayerCC{Header: rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback}, BaseSequenceNumber: base, ReferenceTime: rapid.Uint32Range(0, 1<<24-1).Draw(r, "reference")}
		at := int64(0)
		add := func(symbol uint16) {
			w := told{number: base + uint16(len(want)), received: symbol != 0}
			if symbol != 0 {
				low, high := int64(0), int64(255)
				if symbol == rtcp.TypeTCCPacketReceivedLargeDelta {
					low, high = -32768, 32767
				}
				delta := rapid.Int64Range(low, high).Draw(r, "delta")
				at += delta * tick
				p.RecvDeltas = append(p.RecvDeltas, &rtcp.RecvDelta{Type: symbol, Delta: delta * tick})
			}
			w.at = at
			want = append(want, w)
		}
		for range rapid.IntRange(1, 6).Draw(r, "chunks") {
			switch kind := rapid.IntRange(0, 2).Draw(r, "kind"); kind {
			case 0:
				symbol := rapid.Uint16Range(0, 2).Draw(r, "symbol")
				n := rapid.Uint16Range(1, 30).Draw(r, "run")
				p.PacketChunks = append(p.PacketChunks, &rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, PacketStatusSymbol: symbol, RunLength: n})
				for range n {
					add(symbol)
				}
			default:
				size, n, most := uint16(rtcp.TypeTCCSymbolSizeOneBit), 14, uint16(1)
				if kind == 2 {
					size, n, most = rtcp.TypeTCCSymbolSizeTwoBit, 7, 2
				}
				var list []uint16
				for range n {
					s := rapid.Uint16Range(0, most).Draw(r, "symbol")
					list = append(list, s)
					add(s)
				}
				p.PacketChunks = append(p.PacketChunks, &rtcp.StatusVectorChunk{Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: size, SymbolList: list})
			}
		}
		p.PacketStatusCount = uint16(len(want))
		p.Header.Length = uint16(p.MarshalSize()/4 - 1)
		b, err := p.Marshal()
		if err != nil {
			r.Fatal(err)
		}
		got, err := read(b[12:])
		if err != nil || !slices.Equal(got, want) {
			r.Fatalf("%v, %v\nwant %v", err, got, want)
		}
		for n := range b[12:] {
			if part, err := read(b[12 : 12+n]); err == nil && len(part) != len(want) {
				r.Fatalf("%d bytes of %d tell of %d packets", n, len(b)-12, len(part))
			}
		}
	})
}

// FuzzFeedback takes any messages, each two bytes of length and as many bytes.
func FuzzFeedback(f *testing.F) {
	f.Add([]byte{0, 12, 0, 0, 0, 3, 0, 0, 1, 0, 0x20, 3, 4, 4})
	f.Add([]byte{0, 10, 0, 5, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x00, 0x00})
	f.Add([]byte{0, 13, 0, 0, 0, 7, 0x80, 0, 0, 0, 0xD5, 0x55, 1, 2, 3})
	f.Add([]byte{0, 14, 0, 0, 0, 2, 0x7F, 0xFF, 0xFF, 0, 0x40, 2, 0x80, 0, 0x7F, 0xFF})
	f.Fuzz(func(t *testing.T, in []byte) {
		now := time.Unix(0, 0)
		e := New(now)
		for len(in) >= 2 {
			n := min(int(in[0])<<8|int(in[1]), len(in)-2)
			for range 30 {
				e.Sent(now, 1200)
			}
			e.TrainDue(now, Max)
			now = now.Add(100 * time.Millisecond)
			_ = e.Feedback(in[2:2+n], now)
			if r := e.Rate(now); r < Min || r > Max {
				t.Fatalf("%d bit/s", r)
			}
			in = in[2+n:]
		}
	})
}
