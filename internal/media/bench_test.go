package media_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/media"
)

// BenchmarkWrite is one frame to all readers of a stream, which keep up.
func BenchmarkWrite(b *testing.B) {
	for _, n := range []int{0, 1, 4, 16} {
		b.Run(fmt.Sprintf("readers=%d", n), func(b *testing.B) {
			s := media.NewStream()
			var wg sync.WaitGroup
			for range n {
				r := s.NewReader(media.ReaderOptions{})
				wg.Go(func() {
					defer r.Close()
					for {
						if _, err := r.Next(context.Background()); err != nil {
							return
						}
					}
				})
			}
			f := &media.Frame{Track: video, Key: true, Payload: make([]byte, 25_000)}
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Write(f); err != nil {
					b.Fatal(err)
				}
			}
			s.Close()
			wg.Wait()
		})
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	s := media.NewStream()
	r := s.NewReader(media.ReaderOptions{})
	defer r.Close()
	f := &media.Frame{Track: video, Key: true, Payload: make([]byte, 100)}
	round := func() {
		for range 100 {
			s.Write(f)
		}
		if fs, err := r.Next(t.Context()); err != nil || len(fs) != 100 {
			t.Fatalf("%d frames, %v", len(fs), err)
		}
	}
	round()
	round() // now both of the reader's slices have grown
	if n := testing.AllocsPerRun(10, round); n != 0 {
		t.Errorf("100 frames written and read: %v allocations", n)
	}
}
