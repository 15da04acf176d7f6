package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"io"
	"math"
	"time"

	"github.com/streamcat/streamcat/internal/ingest"
)

// demoFLV is the clip; demo_clip.go makes it.
//
//go:embed demo.flv
var demoFLV []byte

// clip is something to be played in a loop.
type clip struct {
	head   []ingest.FLVTag // metadata and decoder configurations, sent once
	tags   []ingest.FLVTag // samples
	period uint32          // milliseconds after which the loop begins again
}

// loadClip reads the built-in clip.
func loadClip() (*clip, error) {
	r, err := ingest.NewFLVReader(bytes.NewReader(demoFLV))
	if err != nil {
		return nil, err
	}
	c := &clip{}
	pictures, first, last := 0, uint32(0), uint32(0)
	for {
		t, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch {
		case t.Kind == ingest.FLVScript || t.Config():
			c.head = append(c.head, t)
			continue
		case t.Kind == ingest.FLVVideo && len(t.Data) <= 5:
			continue // the mark of the sequence's end
		case t.Kind == ingest.FLVVideo:
			if pictures == 0 {
				first = t.Timestamp
			}
			pictures, last = pictures+1, t.Timestamp
		}
		c.tags = append(c.tags, t)
	}
	if pictures < 2 {
		return nil, errors.New("the built-in clip has no pictures")
	}
	c.period = uint32(math.Round(float64(last-first) * float64(pictures) / float64(pictures-1)))
	return c, nil
}

// dialClip connects a publisher.
func dialClip(ctx context.Context, url string) (*ingest.PublishConn, error) {
	return ingest.DialPublish(ctx, url, ingest.PublishOptions{Encoder: "StreamCat demo"})
}

// play sends the clip in real time, counted from start, over and over until ctx ends or the server has
// enough. Timestamps go on from one turn to the next.
func (c *clip) play(ctx context.Context, out *ingest.PublishConn, start time.Time) error {
	for _, t := range c.head {
		t.Timestamp = 0
		if err := out.WriteTag(t); err != nil {
			return err
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for turn := uint32(0); ; turn++ {
		for _, t := range c.tags {
			at := time.Duration(turn)*time.Duration(c.period)*time.Millisecond + time.Duration(t.Timestamp)*time.Millisecond
			timer.Reset(time.Until(start.Add(at)))
			select {
			case <-ctx.Done():
				return nil
			case <-out.Done():
				return out.Err()
			case <-timer.C:
			}
			t.Timestamp += turn * c.period // modulo 2³², as RTMP wants it
			if err := out.WriteTag(t); err != nil {
				return err
			}
		}
	}
}
