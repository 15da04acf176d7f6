package hls

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/media"
)

// live is a packager in the middle of a session, fed by hand.
type live struct {
	*Packager
	s      *session
	frames []*media.Frame
}

// newLive packages frames up to a time; feedUntil goes on from there.
func newLive(t *testing.T, o Options, f feed, until time.Duration) *live {
	t.Helper()
	o.Now = func() time.Time { return testStart }
	l := &live{Packager: New(o), frames: f.frames()}
	l.s = newSession(l.Window, l.log, l.now)
	l.feedUntil(t, until)
	return l
}

func (l *live) feedUntil(t *testing.T, until time.Duration) {
	t.Helper()
	for len(l.frames) > 0 && l.frames[0].Arrived.Sub(testStart) < until {
		if err := l.s.frame(l.frames[0]); err != nil {
			t.Fatal(err)
		}
		l.frames = l.frames[1:]
	}
}

// edge gives the number of the open segment and how many parts it has.
func (l *live) edge() (msn uint64, parts int) {
	s := l.current.Load()
	return s.nextMSN, len(s.parts)
}

func (l *live) get(file, query string, header ...string) *httptest.ResponseRecorder {
	return l.request(context.Background(), http.MethodGet, file, query, header...)
}

func (l *live) request(ctx context.Context, method, file, query string, header ...string) *httptest.ResponseRecorder {
	target := "/hls/x/" + file
	if query != "" {
		target += "?" + query
	}
	r := httptest.NewRequestWithContext(ctx, method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	if file == "channel.m3u8" {
		l.ServeMultivariant(rec, r, "hls/x/"+PlaylistFile, 0)
	} else {
		l.ServeMedia(rec, r, file)
	}
	return rec
}

var talk = feed{length: time.Minute, audio: audioTrack()}

func TestBlockingReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, Options{}, talk, 9*time.Second)
		msn, parts := l.edge() // segments of 2 s, so that part 3 of 6 is next
		if parts != 3 {
			t.Fatalf("the open segment has %d parts", parts)
		}
		type answer struct {
			code   int
			until  time.Duration // of the stream
			waited time.Duration
		}
		at := 9 * time.Second
		ask := func(query string) <-chan answer {
			out := make(chan answer, 1)
			go func() {
				begin := time.Now()
				rec := l.get(PlaylistFile, query)
				out <- answer{rec.Code, at, time.Since(begin)}
			}()
			synctest.Wait()
			return out
		}
		answered := func(c <-chan answer) bool { return len(c) == 1 }

		for name, query := range map[string]string{
			"without directives":               "",
			"only a skip":                      "_HLS_skip=YES",
			"unknown directives":               "_HLS_push=1&_HLS_report=x&token=abc",
			"a segment that is complete":       fmt.Sprintf("_HLS_msn=%d", msn-1),
			"a part that is there":             fmt.Sprintf("_HLS_msn=%d&_HLS_part=2", msn),
			"a part past the end of a segment": fmt.Sprintf("_HLS_msn=%d&_HLS_part=40", msn-1),
			"a segment long gone":              "_HLS_msn=1&_HLS_part=1",
			"and skip":                         fmt.Sprintf("_HLS_msn=%d&_HLS_part=0&_HLS_skip=v2", msn),
		} {
			c := ask(query)
			if !answered(c) {
				t.Errorf("%s (%s): not answered at once", name, query)
			} else if a := <-c; a.code != 200 {
				t.Errorf("%s (%s): %d", name, query, a.code)
			}
		}
		for name, query := range map[string]string{
			"a part without a segment":  "_HLS_part=1",
			"three segments ahead":      fmt.Sprintf("_HLS_msn=%d", msn+2),
			"far ahead":                 "_HLS_msn=9223372036854775807&_HLS_part=0",
			"no number":                 "_HLS_msn=abc",
			"an empty number":           "_HLS_msn=",
			"a negative number":         "_HLS_msn=-1",
			"a number beyond 64 bits":   "_HLS_msn=99999999999999999999",
			"a part that is no number":  fmt.Sprintf("_HLS_msn=%d&_HLS_part=x", msn),
			"a part beyond all numbers": fmt.Sprintf("_HLS_msn=%d&_HLS_part=99999999999", msn),
		} {
			c := ask(query)
			if !answered(c) {
				t.Errorf("%s (%s): not answered at once", name, query)
			} else if a := <-c; a.code != 400 {
				t.Errorf("%s (%s): %d", name, query, a.code)
			}
		}

		next := ask(fmt.Sprintf("_HLS_msn=%d&_HLS_part=3", msn))
		whole := ask(fmt.Sprintf("_HLS_msn=%d", msn))
		past := ask(fmt.Sprintf("_HLS_msn=%d&_HLS_part=30", msn))
		second := ask(fmt.Sprintf("_HLS_msn=%d&_HLS_part=1", msn+1))
		hint := make(chan int, 1)
		go func() {
			rec := l.get(l.current.Load().hint, "")
			if _, n := l.edge(); n != 4 {
				t.Errorf("hinted part came when there were %d", n)
			}
			hint <- rec.Code
		}()
		for at < 12*time.Second {
			at += 10 * time.Millisecond
			l.feedUntil(t, at)
			synctest.Wait()
		}
		if code := <-hint; code != 200 {
			t.Errorf("hinted part: %d", code)
		}
		for name, c := range map[string]struct {
			answers <-chan answer
			from    time.Duration
		}{
			"the next part":                           {next, 9300 * time.Millisecond},
			"the whole segment":                       {whole, 10 * time.Second},
			"a part past the end of the open segment": {past, 10300 * time.Millisecond},
			"a part of the next segment":              {second, 10600 * time.Millisecond},
		} {
			a := <-c.answers
			if a.code != 200 || a.until < c.from || a.until > c.from+60*time.Millisecond {
				t.Errorf("%s: %d when the stream was at %v, want %v", name, a.code, a.until, c.from)
			}
		}

		// The encoder stands still.
		msn, parts = l.edge()
		stuck := ask(fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, parts))
		if a := <-stuck; a.code != 503 || a.waited != holdLimit {
			t.Errorf("without a new part: %d after %v", a.code, a.waited)
		}

		// The session ends, and another begins.
		waiting := ask(fmt.Sprintf("_HLS_msn=%d", msn+1))
		hinted := l.current.Load().hint
		lost := make(chan int, 1)
		go func() { lost <- l.get(hinted, "").Code }()
		synctest.Wait()
		l.s.finish()
		synctest.Wait()
		if code := <-lost; code != 404 && code != 200 {
			t.Errorf("hinted part of a session that ended: %d", code)
		}
		if answered(waiting) {
			t.Error("the end of a session answers a reader that waits for the next segment")
		}
		l.s = newSession(l.Window, l.log, l.now)
		l.frames = feed{length: 5 * time.Second, audio: audioTrack(), start: testStart.Add(20 * time.Second)}.frames()
		l.feedUntil(t, time.Minute)
		if a := <-waiting; a.code != 200 {
			t.Errorf("after the encoder came back: %d", a.code)
		}

		// The end.
		l.s.finish()
		msn, _ = l.edge()
		final := ask(fmt.Sprintf("_HLS_msn=%d", msn))
		l.End()
		if a := <-final; a.code != 200 {
			t.Errorf("at the end: %d", a.code)
		}
		if c := ask("_HLS_msn=9999999999&_HLS_part=3"); !answered(c) {
			t.Error("an ended stream lets readers wait")
		}
		if text := l.get(PlaylistFile, "").Body.String(); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") {
			t.Errorf("ended playlist:\n%s", text)
		}
	})
}

func TestBeforeTheFirstPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, Options{}, talk, 0)
		codes := make(chan int, 2)
		go func() { codes <- l.get(PlaylistFile, "").Code }()
		go func() { codes <- l.get("channel.m3u8", "").Code }()
		synctest.Wait()
		if len(codes) > 0 {
			t.Fatal("answered without media")
		}
		l.feedUntil(t, 320*time.Millisecond)
		for range 2 {
			if code := <-codes; code != 200 {
				t.Errorf("after the first part: %d", code)
			}
		}

		never := newLive(t, Options{}, talk, 0)
		begin := time.Now()
		if code := never.get(PlaylistFile, "").Code; code != 503 || time.Since(begin) != holdLimit {
			t.Errorf("without media: %d after %v", code, time.Since(begin))
		}
		never.End()
		if code := never.get(PlaylistFile, "").Code; code != 404 {
			t.Errorf("ended without media: %d", code)
		}
	})
}

func TestCloseReleasesReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, Options{}, talk, 9*time.Second)
		msn, parts := l.edge()
		codes := make(chan int, 3)
		go func() { codes <- l.get(PlaylistFile, fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, parts)).Code }()
		go func() { codes <- l.get(l.current.Load().hint, "").Code }()
		synctest.Wait()
		l.Close()
		codes <- l.get(PlaylistFile, fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, parts)).Code
		for range 3 {
			if code := <-codes; code != 503 {
				t.Errorf("closed: %d", code)
			}
		}
		if rec := l.get(PlaylistFile, ""); rec.Code != 200 || strings.Contains(rec.Body.String(), "ENDLIST") {
			t.Errorf("closed: %d\n%s", rec.Code, rec.Body)
		}
	})
}

// Many readers come, wait and leave in the middle; none stays behind (synctest.Test does not return
// before all goroutines of the test have).
func TestReadersThatLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLive(t, Options{Metrics: NewMetrics(nil)}, talk, 5*time.Second)
		var readers sync.WaitGroup
		at := 5 * time.Second
		for n := range 40 {
			for i := range 25 {
				ctx, leave := context.WithCancel(t.Context())
				msn, parts := l.edge()
				readers.Go(func() {
					defer leave()
					file, query := PlaylistFile, fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", msn, parts)
					if i%3 == 0 {
						file, query = l.current.Load().hint, ""
					}
					rec := l.request(ctx, http.MethodGet, file, query)
					if want := ctx.Err() == nil; want != (rec.Code == 200) {
						t.Errorf("%s: %d, left: %v", file, rec.Code, !want)
					}
				})
				if i%5 == n%5 {
					synctest.Wait()
					leave()
				}
			}
			synctest.Wait()
			at += 340 * time.Millisecond
			l.feedUntil(t, at)
		}
		readers.Wait()
	})
}

func TestHeaders(t *testing.T) {
	l := newLive(t, Options{}, talk, 9*time.Second)
	s := l.current.Load()
	part, segment, init := s.parts[0], s.segments[2], s.open.init
	var whole []byte
	for _, p := range segment.parts {
		whole = append(whole, p.data...)
	}
	cases := []struct {
		file, kind, cache string
		body              []byte
	}{
		{PlaylistFile, "application/vnd.apple.mpegurl", "max-age=1", s.playlist.plain},
		{part.name, "video/mp4", "max-age=3600, immutable", part.data},
		{segment.name, "video/mp4", "max-age=3600, immutable", whole},
		{init.name, "video/mp4", "max-age=3600, immutable", init.data},
	}
	for _, c := range cases {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			rec := l.request(t.Context(), method, c.file, "")
			h := rec.Header()
			if rec.Code != 200 || h.Get("Content-Type") != c.kind || h.Get("Cache-Control") != c.cache || h.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s %s: %d %v", method, c.file, rec.Code, h)
			}
			if h.Get("Content-Length") != fmt.Sprint(len(c.body)) {
				t.Errorf("%s %s: Content-Length %s of %d", method, c.file, h.Get("Content-Length"), len(c.body))
			}
			if method == http.MethodGet && !bytes.Equal(rec.Body.Bytes(), c.body) {
				t.Errorf("%s: body differs", c.file)
			}
		}
	}

	t.Run("an origin that was set stays", func(t *testing.T) {
		rec := httptest.NewRecorder()
		rec.Header().Set("Access-Control-Allow-Origin", "https://example.com")
		l.ServeMedia(rec, httptest.NewRequest(http.MethodGet, "/", nil), PlaylistFile)
		if got := rec.Header().Values("Access-Control-Allow-Origin"); len(got) != 1 || got[0] != "https://example.com" {
			t.Errorf("origin is %q", got)
		}
	})
	t.Run("preflight is answered", func(t *testing.T) {
		rec := l.request(t.Context(), http.MethodOptions, part.name, "", "Access-Control-Request-Headers", "range")
		if rec.Code != 204 || rec.Header().Get("Access-Control-Allow-Headers") != "Range" {
			t.Errorf("%d %v", rec.Code, rec.Header())
		}
	})
	t.Run("other methods are refused", func(t *testing.T) {
		for _, file := range []string{PlaylistFile, "channel.m3u8", part.name} {
			if rec := l.request(t.Context(), http.MethodPost, file, ""); rec.Code != 405 {
				t.Errorf("%s: %d", file, rec.Code)
			}
		}
	})
	t.Run("unknown names are not found", func(t *testing.T) {
		for _, file := range []string{
			"", "x", "p", "p1", "p1-", "i0-a-b.mp4", "other.m3u8", "../av.m3u8", "p99999999999999999999999-a",
			part.name[:len(part.name)-5] + "=.m4s", strings.Replace(part.name, "p", "s", 1), "s" + segment.name,
		} {
			rec := httptest.NewRecorder()
			l.ServeMedia(rec, httptest.NewRequest(http.MethodGet, "/", nil), file)
			if rec.Code != 404 || rec.Header().Get("Cache-Control") != "no-store" || rec.Header().Get("Accept-Ranges") != "" {
				t.Errorf("%q: %d %v", file, rec.Code, rec.Header())
			}
		}
	})
	t.Run("ranges", func(t *testing.T) {
		edge := len(segment.parts[0].data)
		for spec, want := range map[string][]byte{
			"bytes=0-9": whole[:10],
			fmt.Sprintf("bytes=%d-%d", edge-5, edge+4): whole[edge-5 : edge+5],
			"bytes=-7": whole[len(whole)-7:],
			"bytes=0-": whole,
		} {
			rec := l.get(segment.name, "", "Range", spec)
			if rec.Code != 206 || !bytes.Equal(rec.Body.Bytes(), want) {
				t.Errorf("%s: %d with %d bytes", spec, rec.Code, rec.Body.Len())
			}
		}
		if rec := l.get(part.name, "", "Range", "bytes=99999999-"); rec.Code != 416 {
			t.Errorf("beyond the end: %d", rec.Code)
		}
		if rec := l.get(part.name, "", "Range", "bytes=2-3"); rec.Code != 206 || !bytes.Equal(rec.Body.Bytes(), part.data[2:4]) {
			t.Errorf("of a part: %d", rec.Code)
		}
	})
}

func TestGzip(t *testing.T) {
	l := newLive(t, Options{}, talk, 9*time.Second)
	plain := l.get(PlaylistFile, "").Body.Bytes()
	for accept, packed := range map[string]bool{
		"gzip": true, "gzip, deflate, br": true, "br;q=1.0, GZIP;q=0.5": true, "*": true, "*;q=0, gzip": true,
		"": false, "identity": false, "gzip;q=0": false, "gzip; q=0.000, *": false, "br": false, "*;q=0": false, "gzipped": false,
	} {
		rec := l.get(PlaylistFile, "", "Accept-Encoding", accept)
		body := rec.Body.Bytes()
		if rec.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: Vary is missing", accept)
		}
		if got := rec.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("%q: packed %v", accept, got)
		} else if packed {
			z, err := gzip.NewReader(rec.Body)
			if err != nil {
				t.Fatal(err)
			}
			if len(body) > len(plain)/2 {
				t.Errorf("%d bytes packed into %d", len(plain), len(body))
			}
			if body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(body, plain) {
			t.Errorf("%q: body differs", accept)
		}
	}
}

func TestRun(t *testing.T) {
	t.Run("sessions follow each other, and the window tells whether one runs", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := New(Options{})
			start := func(f feed) (*media.Stream, <-chan error) {
				stream := media.NewStream()
				r := stream.NewReader(media.ReaderOptions{})
				done := make(chan error, 1)
				go func() {
					defer r.Close()
					done <- p.Run(t.Context(), r)
				}()
				synctest.Wait()
				for _, f := range f.frames() {
					if err := stream.Write(f); err != nil {
						t.Error(err)
					}
				}
				return stream, done
			}
			first, end1 := start(feed{length: 3 * time.Second, audio: audioTrack()})
			second, end2 := start(feed{length: 3 * time.Second, audio: audioTrack(), start: testStart.Add(time.Minute)})
			synctest.Wait()
			if running, newest := p.Live(); !running || newest.Before(testStart.Add(2*time.Second)) || newest.After(testStart.Add(3*time.Second)) {
				t.Errorf("live %v, newest part of %v", running, newest)
			}
			first.Close()
			if err := <-end1; err != nil {
				t.Error(err)
			}
			synctest.Wait()
			if _, newest := p.Live(); newest.Before(testStart.Add(time.Minute)) {
				t.Errorf("newest part of %v", newest)
			}
			cause := fmt.Errorf("cut off")
			second.Stop(cause)
			if err := <-end2; err != cause {
				t.Errorf("ended with %v", err)
			}
			if running, _ := p.Live(); running {
				t.Error("still live")
			}
		})
	})
	t.Run("frames lost on the way are counted, and told once per second", func(t *testing.T) {
		reg := prometheus.NewRegistry()
		var log bytes.Buffer
		p := New(Options{Metrics: NewMetrics(reg), Log: slog.New(slog.NewTextHandler(&log, nil)), Now: func() time.Time { return testStart }})
		stream := media.NewStream()
		r := stream.NewReader(media.ReaderOptions{Frames: 100})
		defer r.Close()
		report := lossReport{packager: p, reader: r}
		frames := feed{length: 10 * time.Second, audio: audioTrack()}.frames()
		write := func(frames []*media.Frame, lost float64) {
			t.Helper()
			for _, f := range frames {
				if err := stream.Write(f); err != nil {
					t.Fatal(err)
				}
			}
			report.look()
			if got := value(t, reg, "streamcat_hls_frames_lost_total"); got != lost {
				t.Errorf("%v frames lost, want %v", got, lost)
			}
		}
		key := 1
		for frames[key].Track.Kind != media.Video || !frames[key].Key {
			key++
		}
		write(frames[1:key], 0)
		write(frames[key:key+100], 0) // what the ring holds
		write(frames[key+100:key+120], 20)
		write(frames[key+120:key+150], 50)
		if n := strings.Count(log.String(), "fell behind"); n != 1 {
			t.Errorf("told %d times:\n%s", n, &log)
		}
	})
	t.Run("the context ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			p := New(Options{})
			stream := media.NewStream()
			r := stream.NewReader(media.ReaderOptions{})
			defer r.Close()
			done := make(chan error, 2)
			go func() { done <- p.Run(ctx, r) }()
			go func() { done <- p.Run(ctx, r) }()
			synctest.Wait()
			cancel()
			for range 2 {
				if err := <-done; err != context.Canceled {
					t.Errorf("ended with %v", err)
				}
			}
		})
	})
}

func value(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].Counter.GetValue()
		}
	}
	t.Fatalf("%s is not there", name)
	return 0
}
