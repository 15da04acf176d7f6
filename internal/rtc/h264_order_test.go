package rtc

import (
	"testing"

	"github.com/streamcat/streamcat/internal/media"
)

func TestBidirectional(t *testing.T) {
	slice := func(kind byte, of uint32) []byte {
		w := bitWriter{b: []byte{0x40 | kind}}
		w.ue(0)
		w.ue(of)
		w.bits(1, 8)
		return w.b
	}
	sei := []byte{nalSEI, 5, 1, 0}
	for name, c := range map[string]struct {
		payload []byte
		want    bool
	}{
		"B":                     {lengths(slice(nalSlice, 1)), true},
		"all B, behind SEI":     {lengths(sei, slice(nalSlice, 6)), true},
		"P":                     {lengths(slice(nalSlice, 0)), false},
		"all P":                 {lengths(sei, slice(nalSlice, 5)), false},
		"key frame":             {lengths(slice(nalIDR, 7)), false},
		"no slice type":         {lengths(slice(nalSlice, 11)), false},
		"no slice":              {lengths(sei), false},
		"nothing":               {nil, false},
		"a slice cut short":     {lengths([]byte{nalSlice}), false},
		"longer than its frame": {[]byte{0, 0, 1, 0, nalSlice, 0xA0}, false},
	} {
		if got := Bidirectional(&media.Frame{Payload: c.payload}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
