package hlsbench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Crowd is players of one channel that read every part by blocking reload.
type Crowd struct {
	client  *http.Client
	stop    context.CancelFunc
	players sync.WaitGroup

	measuring atomic.Bool
	parts     atomic.Int64
	bytes     atomic.Int64
	missing   atomic.Int64

	mu      sync.Mutex
	late    []time.Duration
	failure error
}

// Watch sends n players to a multivariant playlist, spread over a second. They stop with Close.
func Watch(ctx context.Context, playback string, n int) *Crowd {
	ctx, stop := context.WithCancel(ctx)
	c := &Crowd{stop: stop, client: &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 2 * n, DisableCompression: true},
	}}
	for i := range n {
		c.players.Go(func() {
			wait(ctx, time.Second*time.Duration(i)/time.Duration(n))
			if err := c.play(ctx, playback); err != nil && ctx.Err() == nil {
				c.mu.Lock()
				c.failure = errors.Join(c.failure, fmt.Errorf("player %d: %w", i, err))
				c.mu.Unlock()
			}
		})
	}
	return c
}

// Close ends all players, and gives what went wrong with any of them.
func (c *Crowd) Close() error {
	c.stop()
	c.players.Wait()
	c.client.CloseIdleConnections()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// Parts, Bytes and Missing are what all players got so far, and what was gone before they could ask for it.
func (c *Crowd) Parts() int64   { return c.parts.Load() }
func (c *Crowd) Bytes() int64   { return c.bytes.Load() }
func (c *Crowd) Missing() int64 { return c.missing.Load() }

// Measure notes for so long how old the newest picture of each part is when its player has it.
func (c *Crowd) Measure(ctx context.Context, d time.Duration) []time.Duration {
	c.measuring.Store(true)
	wait(ctx, d)
	c.measuring.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	late := c.late
	c.late = nil
	return late
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// play reads the first variant, and its sound where that is a playlist of its own.
func (c *Crowd) play(ctx context.Context, playback string) error {
	body, err := c.get(ctx, playback, nil)
	if err != nil {
		return err
	}
	media, err := playlists(playback, string(body))
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(media))
	for _, u := range media {
		go func() { ended <- c.follow(ctx, u) }()
	}
	var first error
	for range media {
		if err := <-ended; err != nil && first == nil {
			first = err
			stop()
		}
	}
	return first
}

// playlists gives the media playlists that a player of the first variant reads.
func playlists(base, multivariant string) ([]string, error) {
	at, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	var found []string
	variant := false
	for line := range strings.Lines(multivariant) {
		line = strings.TrimSpace(line)
		uri := ""
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA:") && strings.Contains(line, "TYPE=AUDIO"):
			uri = attribute(line, "URI")
		case line != "" && line[0] != '#' && !variant:
			uri, variant = line, true
		}
		if uri == "" {
			continue
		}
		u, err := at.Parse(uri)
		if err != nil {
			return nil, err
		}
		found = append(found, u.String())
	}
	if !variant {
		return nil, errors.New("the multivariant playlist names no variant")
	}
	return found, nil
}

func attribute(line, name string) string {
	_, rest, ok := strings.Cut(line, name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// follow asks for every version of a media playlist, and for each part that is new in it.
func (c *Crowd) follow(ctx context.Context, media string) error {
	at, err := url.Parse(media)
	if err != nil {
		return err
	}
	join := "?"
	if at.RawQuery != "" {
		join = "&"
	}
	var text, part []byte
	next, last := media, ""
	for {
		if text, err = c.get(ctx, next, text[:0]); err != nil {
			return err
		}
		p := read(string(text))
		if p.ended {
			return nil
		}
		fresh := p.parts
		if last != "" {
			known := -1
			for i, uri := range p.parts {
				if uri == last {
					known = i
				}
			}
			if known < 0 && len(p.parts) > 0 {
				c.missing.Add(1)
			}
			fresh = p.parts[known+1:]
		} else if len(fresh) > 1 {
			fresh = fresh[len(fresh)-1:] // begins at the edge
		}
		for _, uri := range fresh {
			last = uri
			u, err := at.Parse(uri)
			if err != nil {
				return err
			}
			if part, err = c.get(ctx, u.String(), part[:0]); err != nil {
				return err
			}
			c.got(part, time.Now())
		}
		next = fmt.Sprintf("%s%s_HLS_msn=%d&_HLS_part=%d", media, join, p.msn, p.part)
	}
}

func (c *Crowd) got(part []byte, now time.Time) {
	c.parts.Add(1)
	c.bytes.Add(int64(len(part)))
	if !c.measuring.Load() {
		return
	}
	if made, ok := newest(part); ok {
		c.mu.Lock()
		c.late = append(c.late, now.Sub(made))
		c.mu.Unlock()
	}
}

// page is what a player needs of a media playlist.
type page struct {
	parts []string // all that are listed
	msn   uint64   // of the next part
	part  int
	ended bool
}

func read(text string) page {
	var p page
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#EXT-X-MEDIA-SEQUENCE:"):
			p.msn, _ = strconv.ParseUint(line[len("#EXT-X-MEDIA-SEQUENCE:"):], 10, 64)
		case strings.HasPrefix(line, "#EXT-X-PART:"):
			p.parts = append(p.parts, attribute(line, "URI"))
			p.part++
		case line == "#EXT-X-ENDLIST":
			p.ended = true
		case line != "" && line[0] != '#':
			p.msn++
			p.part = 0
		}
	}
	return p
}

// get reads a URL into b.
func (c *Crowd) get(ctx context.Context, u string, b []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	buf := bytes.NewBuffer(b)
	if _, err := buf.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_, _ = io.Copy(io.Discard, resp.Body)
		return nil, fmt.Errorf("%s for %s: %.200s", resp.Status, r.URL.Path, buf.Bytes())
	}
	return buf.Bytes(), nil
}

// FirstPart gives how long after begun a playlist with a part is there, as asked every few milliseconds.
func FirstPart(ctx context.Context, playback string, begun time.Time) (time.Duration, error) {
	c := &Crowd{client: &http.Client{Timeout: 30 * time.Second}}
	defer c.client.CloseIdleConnections()
	for ctx.Err() == nil {
		if body, err := c.get(ctx, playback, nil); err == nil {
			if media, err := playlists(playback, string(body)); err == nil {
				if text, err := c.get(ctx, media[0], nil); err == nil && len(read(string(text)).parts) > 0 {
					return time.Since(begun), nil
				}
			}
		}
		wait(ctx, 5*time.Millisecond)
	}
	return 0, ctx.Err()
}
