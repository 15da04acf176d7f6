package chatlog

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestDamagedLinesAreLeftOut(t *testing.T) {
	line := func(n int) []byte { return appendLine(nil, "MESSAGE", noon, message(n)) }
	flipped := line(1)
	flipped[len(flipped)/2] ^= 1
	text := slices.Concat(line(0), flipped, []byte("\n"), line(2), line(3)[:40], []byte("\n"), line(4), line(5)[:len(line(5))-1])
	records, damaged := parseBatch(text)
	var got []string
	for i, r := range records {
		if r.index != i || !r.received.Equal(noon) {
			t.Errorf("record %d is %d of %s", i, r.index, r.received)
		}
		got = append(got, string(r.json))
	}
	if want := []string{recordOf(0, noon), recordOf(2, noon), recordOf(4, noon)}; !slices.Equal(got, want) || damaged != 4 {
		t.Errorf("got %q, %d damaged", got, damaged)
	}
}

func TestNoteOfWhatWasSent(t *testing.T) {
	for _, c := range []struct {
		text string
		want string
	}{
		{"", "......"},
		{"0 2\n4 5\n", "xx..x."},
		{"0 6\n", "xxxxxx"},
		{"0 2\n4 5", "xx...."},
		{"0 7\n-1 2\n3 2\nx 1\n1\n1 2 3\n5 6\n", ".....x"},
	} {
		got := ""
		for _, sent := range parseSent([]byte(c.text), 6) {
			got += map[bool]string{true: "x", false: "."}[sent]
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
	}
}

func FuzzParseBatch(f *testing.F) {
	whole := slices.Concat(appendLine(nil, "MESSAGE", noon, message(1)), appendLine(nil, "EVENT", noon, []byte("{}")))
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(append([]byte("00000000 {\"event_timestamp\":\"\n"), whole...))
	f.Fuzz(func(t *testing.T, text []byte) {
		records, damaged := parseBatch(text)
		if n := bytes.Count(text, []byte("\n")); len(records) > n || damaged > n+1 {
			t.Errorf("%d records and %d damaged in %d lines", len(records), damaged, n)
		}
		for i, r := range records {
			if r.index != i || !bytes.Contains(text, r.json) || bytes.ContainsRune(r.json, '\n') {
				t.Errorf("record %d: %q", i, r.json)
			}
		}
		// What is printed parses, whatever stands before it.
		frame := bytes.ReplaceAll(text, []byte("\n"), nil)
		printed := appendLine(append(slices.Clone(text), '\n'), "EVENT", noon, frame)
		again, _ := parseBatch(printed)
		if len(again) < len(records)+1 {
			t.Fatalf("%d records, then %d", len(records), len(again))
		}
		if last := again[len(again)-1]; !last.received.Equal(noon) || !bytes.HasSuffix(last.json, append([]byte(`"payload":`), append(frame, '}')...)) {
			t.Errorf("got %q", last.json)
		}
	})
}

func FuzzParseSent(f *testing.F) {
	f.Add([]byte("0 1\n3 4\n"), 4)
	f.Add([]byte("9 1\n-3 4"), 4)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		if n < 0 || n > 1000 {
			return
		}
		sent := parseSent(text, n)
		if len(sent) != n {
			t.Fatalf("%d of %d", len(sent), n)
		}
		var printed []byte
		for i, s := range sent {
			if s {
				printed = fmt.Appendf(printed, "%d %d\n", i, i+1)
			}
		}
		if !slices.Equal(parseSent(printed, n), sent) {
			t.Errorf("%q parses otherwise", printed)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	for _, configurations := range []int{1, 3} {
		b.Run(fmt.Sprintf("configurations=%d", configurations), func(b *testing.B) {
			j := newJournal(b, func(d *Deps) { d.Keep, d.Tick = 1<<40, time.Hour })
			var names []string
			for n := range configurations {
				names = append(names, j.to.put(fmt.Sprint(n), Destination{Bucket: "aa"}))
			}
			frame := message(1)
			b.ReportAllocs()
			for b.Loop() {
				j.Record(roomARN, names, "MESSAGE", noon, frame)
			}
		})
	}
}
