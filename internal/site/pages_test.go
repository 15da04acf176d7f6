package site

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const index = `<!doctype html><title>the app</title>`

var script = strings.Repeat("export const a = 1;\n", 200)

var built = fstest.MapFS{
	"index.html":             {Data: []byte(index)},
	"assets/index-abc123.js": {Data: []byte(script)},
	"assets/geist-def.woff2": {Data: bytes.Repeat([]byte{7}, 5000)},
	"favicon.svg":            {Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)},
	".keep":                  {Data: nil},
}

func (w *world) page(p *pages, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	p.ServeHTTP(rec, r)
	return rec.Result()
}

func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestKnownAddressesGetTheAppAndUnknownOnesItsNotFoundPage(t *testing.T) {
	w := newWorld(t)
	w.register("Ada")
	p := newPages(w.app, built)
	for _, c := range []struct {
		path  string
		code  int
		cache string
		body  string
	}{
		{"/", 200, "no-cache", index},
		{"/register", 200, "no-cache", index},
		{"/signin", 200, "no-cache", index},
		{"/dashboard", 200, "no-cache", index},
		{"/c/Ada", 200, "no-cache", index},
		{"/c/ada", 200, "no-cache", index},
		{"/golive", 200, "no-cache", index},
		{"/studio", 200, "no-cache", index},
		{"/c/ada/realtime", 200, "no-cache", index},
		{"/c/ada/moderation", 200, "no-cache", index},
		{"/c/ada/join", 200, "no-cache", index},
		{"/c/nobody/join", 404, "no-cache", index},
		{"/c/ada/elsewhere", 404, "no-cache", index},
		{"/c/ada/", 404, "no-cache", index},
		{"/c/nobody", 404, "no-cache", index},
		{"/c/", 404, "no-cache", index},
		{"/c/ada/more", 404, "no-cache", index},
		{"/nowhere", 404, "no-cache", index},
		{"/index.html", 404, "no-cache", index},
		{"/.keep", 404, "no-cache", index},
		{"/favicon.svg", 200, "no-cache", "<svg"},
		{"/assets/index-abc123.js", 200, "public, max-age=31536000, immutable", "export"},
		{"/assets/index-older.js", 404, "", "404"},
		{"/assets/../../../../etc/passwd", 404, "", "404"},
	} {
		t.Run(c.path, func(t *testing.T) {
			resp := w.page(p, "GET", c.path)
			body := text(t, resp)
			if resp.StatusCode != c.code || resp.Header.Get("Cache-Control") != c.cache || !strings.HasPrefix(body, c.body) {
				t.Errorf("answer = %d %q %.40q, want %d %q %q", resp.StatusCode, resp.Header.Get("Cache-Control"), body, c.code, c.cache, c.body)
			}
			head := w.page(p, "HEAD", c.path)
			if c.cache != "" && (head.StatusCode != c.code || text(t, head) != "" || head.ContentLength != int64(len(body))) {
				t.Errorf("HEAD = %d, %d bytes, want %d, %d", head.StatusCode, head.ContentLength, c.code, len(body))
			}
		})
	}
	if resp := w.page(p, "POST", "/"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST = %d", resp.StatusCode)
	}
}

func TestFilesAreCompressedForThoseWhoCanReadIt(t *testing.T) {
	w := newWorld(t)
	p := newPages(w.app, built)
	for _, c := range []struct {
		path, accept string
		zipped       bool
		kind         string
	}{
		{"/assets/index-abc123.js", "gzip, deflate, br", true, "text/javascript; charset=utf-8"},
		{"/assets/index-abc123.js", "br, gzip;q=0.5", true, "text/javascript; charset=utf-8"},
		{"/assets/index-abc123.js", "gzip;q=0", false, "text/javascript; charset=utf-8"},
		{"/assets/index-abc123.js", "", false, "text/javascript; charset=utf-8"},
		{"/assets/geist-def.woff2", "gzip", false, "font/woff2"},
		{"/favicon.svg", "gzip", false, "image/svg+xml"}, // too small to gain
	} {
		t.Run(c.path+" "+c.accept, func(t *testing.T) {
			resp := w.page(p, "GET", c.path, "Accept-Encoding", c.accept)
			if got := resp.Header.Get("Content-Encoding") == "gzip"; got != c.zipped || resp.Header.Get("Content-Type") != c.kind {
				t.Fatalf("compressed %v, type %q", got, resp.Header.Get("Content-Type"))
			}
			body := io.Reader(resp.Body)
			if c.zipped {
				body = must(gzip.NewReader(body))
			}
			if got := must(io.ReadAll(body)); !bytes.Equal(got, built[c.path[1:]].Data) {
				t.Errorf("%d bytes, want %d", len(got), len(built[c.path[1:]].Data))
			}
			again := w.page(p, "GET", c.path, "Accept-Encoding", c.accept, "If-None-Match", resp.Header.Get("ETag"))
			if again.StatusCode != http.StatusNotModified || text(t, again) != "" {
				t.Errorf("unchanged: %d", again.StatusCode)
			}
		})
	}
}

func TestAProgramWithoutTheFrontEndSaysHowToBuildIt(t *testing.T) {
	w := newWorld(t)
	p := newPages(w.app, fstest.MapFS{".keep": {}})
	resp := w.page(p, "GET", "/")
	if body := text(t, resp); resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "make build") {
		t.Errorf("answer = %d %s", resp.StatusCode, body)
	}
}

func TestEveryAnswerForbidsWhatPagesDoNotNeed(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.MediaOrigins = []string{"https://cdn.example"} })
	for _, path := range []string{"/", "/nowhere", "/api/session", "/api/nothing", "/hooks/events", "/assets/none.js"} {
		h := w.browser().get(path).Header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'self'", "connect-src 'self' " + w.url + " https://cdn.example ws: wss:", "media-src 'self' " + w.url + " https://cdn.example blob: data:",
			"worker-src 'self' blob:", "img-src 'self' data:", "style-src 'self'", "object-src 'none'", "frame-ancestors 'none'",
		} {
			if !strings.Contains(policy+";", want+";") {
				t.Errorf("%s: policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("Referrer-Policy") == "" {
			t.Errorf("%s: headers = %v", path, h)
		}
	}
}
