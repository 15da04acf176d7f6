package ivs

import (
	"testing"
	"time"
)

func BenchmarkCreateChannel(b *testing.B) {
	w := newWorld(b, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.CreateChannel(b.Context(), &CreateChannelInput{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkByStreamKey(b *testing.B) {
	w := newWorld(b, time.Now())
	w.furnish(b)
	dir := NewDirectory(w.db, w.keyring, here)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dir.ByStreamKey(b.Context(), keyValue); err != nil {
			b.Fatal(err)
		}
	}
}
