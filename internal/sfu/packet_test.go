package sfu

import (
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	with := func(b []byte, change func(b []byte)) []byte { change(b); return b }
	plain := func() []byte { return wire(7, 90, true, "abc") }
	ext := func(profile uint16, body ...byte) []byte {
		b := wire(7, 90, true, "")
		b[0] |= 0x10
		b = append(b, byte(profile>>8), byte(profile), 0, byte(len(body)/4))
		return append(append(b, body...), "abc"...)
	}
	for name, c := range map[string]struct {
		in    []byte
		ok    bool
		level int16
		empty bool
	}{
		"a plain packet":                       {in: plain(), ok: true, level: noLevel},
		"contributing sources are passed over": {in: append(append(with(wire(7, 90, true, ""), func(b []byte) { b[0] |= 2 }), 1, 2, 3, 4, 5, 6, 7, 8), "abc"...), ok: true, level: noLevel},
		"padding is taken off":                 {in: with(append(plain(), 0, 0, 3), func(b []byte) { b[0] |= 0x20 }), ok: true, level: noLevel},
		"mere padding":                         {in: padding(7, 90), ok: true, level: noLevel, empty: true},
		"no payload":                           {in: wire(7, 90, true, ""), ok: true, level: noLevel, empty: true},
		"level, one byte":                      {in: ext(0xBEDE, 0x10, 0xAA, 0x50, 0x80|42), ok: true, level: 0x80 | 42},
		"level after padding":                  {in: ext(0xBEDE, 0, 0, 0x50, 127), ok: true, level: 127},
		"level, two bytes":                     {in: ext(0x1005, 9, 0, 5, 1, 30, 0, 0, 0), ok: true, level: 30},
		"level of another id":                  {in: ext(0xBEDE, 0x40, 30, 0, 0), ok: true, level: noLevel},
		"level behind the reserved id":         {in: ext(0xBEDE, 0xF0, 0, 0x50, 30), ok: true, level: noLevel},
		"level without a value, two bytes":     {in: ext(0x1000, 5, 0, 0, 0), ok: true, level: noLevel},
		"element longer than its extension":    {in: ext(0xBEDE, 0x5F, 1, 2, 3), ok: true, level: noLevel},
		"element cut after its id":             {in: ext(0x1000, 0, 0, 0, 5), ok: true, level: noLevel},
		"unknown profile":                      {in: ext(0xABCD, 0x50, 30, 0, 0), ok: true, level: noLevel},
		"nothing":                              {},
		"a cut header":                         {in: plain()[:11]},
		"another version":                      {in: with(plain(), func(b []byte) { b[0] = 0x40 })},
		"more sources than bytes":              {in: with(plain(), func(b []byte) { b[0] |= 15 })},
		"extension without a header":           {in: with(plain(), func(b []byte) { b[0] |= 0x10 })},
		"extension longer than the packet":     {in: with(ext(0xBEDE, 0, 0, 0, 0), func(b []byte) { b[15] = 200 })},
		"padding longer than the packet":       {in: with(append(plain(), 99), func(b []byte) { b[0] |= 0x20 })},
		"padding of nothing":                   {in: with(append(plain(), 0), func(b []byte) { b[0] |= 0x20 })},
		"too long":                             {in: append(plain(), make([]byte, maxPacket)...)},
	} {
		t.Run(name, func(t *testing.T) {
			v, ok := parse(c.in, 5)
			if ok != c.ok {
				t.Fatalf("ok is %v", ok)
			}
			if !ok {
				return
			}
			want := "abc"
			if c.empty {
				want = ""
			}
			if string(v.payload) != want || v.paddingOnly != c.empty {
				t.Errorf("payload %q", v.payload)
			}
			if v.level != c.level {
				t.Errorf("level %d, want %d", v.level, c.level)
			}
			if v.seq != 7 || v.ts != 90 || v.marker != (c.in[1] >= 0x80) {
				t.Errorf("header %+v", v)
			}
		})
	}
}

func TestWhatIsInAPacketOfH264(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want contents
	}{
		"parameter set":            {"\x67\x42", contents{sps: true}},
		"picture parameter set":    {"\x68\x42", contents{}},
		"key frame":                {"\x65\x88", contents{idr: true}},
		"other frame":              {"\x41\x88", contents{}},
		"SEI":                      {"\x06\x88", contents{}},
		"STAP-A with sets":         {"\x78\x00\x02\x67\x42\x00\x01\x68", contents{sps: true}},
		"STAP-A with a key frame":  {"\x78\x00\x01\x67\x00\x01\x68\x00\x02\x65\x88", contents{sps: true, idr: true}},
		"STAP-A cut in a unit":     {"\x78\x00\x09\x67", contents{}},
		"STAP-A cut in a length":   {"\x78\x00\x01\x67\x00", contents{sps: true}},
		"STAP-A of no length":      {"\x78\x00\x00\x67", contents{}},
		"FU-A, start of key frame": {"\x7C\x85\x88", contents{idr: true}},
		"FU-A, middle":             {"\x7C\x05\x88", contents{}},
		"FU-A, end":                {"\x7C\x45\x88", contents{}},
		"FU-A, cut":                {"\x7C", contents{}},
		"nothing":                  {"", contents{}},
		"B slice":                  {"\x41\xA0", contents{b: true}},
		"B slice, as all are":      {"\x41\x9C", contents{b: true}},
		"B slice, further down":    {"\x41\x22", contents{b: true}},
		"P slice":                  {"\x41\xC0", contents{}},
		"P slice, as all are":      {"\x41\x9A", contents{}},
		"key frame of that kind":   {"\x65\xA0", contents{idr: true}},
		"slice, cut":               {"\x41", contents{}},
		"slice that is none":       {"\x41\x00\x00\x00\x00\xA0", contents{}},
		"STAP-A with a B slice":    {"\x58\x00\x02\x06\x05\x00\x02\x41\xA0", contents{b: true}},
		"FU-A, start of a B slice": {"\x5C\x81\xA0", contents{b: true}},
		"FU-A, middle of one":      {"\x5C\x01\xA0", contents{}},
	} {
		if got := h264([]byte(c.in)); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

// TestPicturesInAnotherOrderAreToldOnce: each encoding says so for itself, at its first B slice.
func TestPicturesInAnotherOrderAreToldOnce(t *testing.T) {
	told := 0
	u := NewUp(UpOptions{Kind: Video, Reordered: func() { told++ }})
	for i, slice := range []byte{0x9A, 0x9A, 0xA0, 0xA0} {
		u.Write([]byte{0x80, 96, 0, byte(i), 0, 0, 0, byte(i), 0, 0, 0, 9, 0x41, slice}, time.Now())
		if want := min(max(i-1, 0), 1); told != want {
			t.Errorf("after packet %d: told %d times, want %d", i, told, want)
		}
	}
}
