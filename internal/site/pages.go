package site

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

// dist is the front end as Vite built it from web/app. It is not committed: a build without Node embeds
// an empty folder, and pages then say how to build it.
//
//go:embed all:dist
var dist embed.FS

func builtFrontEnd() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("dist is embedded: " + err.Error())
	}
	return sub
}

// pages serves the front end: its files, and its one HTML page for every address that the app knows.
// The app draws the right thing by address; the status is the server's to know.
type pages struct {
	app   *ugc.App
	files map[string]*file // by URL path
	index *file            // nil if the front end is not built
}

// file is one file of the front end, ready to be sent.
type file struct {
	kind   string // its content type
	etag   string
	hashed bool // its name changes with its content
	plain  []byte
	zipped func() []byte // nil where compression gains nothing
}

// contentTypes are spelled out, since what a machine's own table says differs.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".json": "application/json", ".webmanifest": "application/manifest+json", ".txt": "text/plain; charset=utf-8",
	".woff2": "font/woff2", ".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon",
}

var compressible = map[string]bool{".html": true, ".js": true, ".css": true, ".svg": true, ".json": true, ".webmanifest": true, ".txt": true}

func newPages(app *ugc.App, built fs.FS) *pages {
	p := &pages{app: app, files: map[string]*file{}}
	err := fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		content, err := fs.ReadFile(built, name)
		if err != nil {
			return err
		}
		p.files["/"+name] = newFile(name, content)
		return nil
	})
	if err != nil {
		panic("the embedded front end can be read: " + err.Error())
	}
	p.index = p.files["/index.html"]
	delete(p.files, "/index.html") // it has better addresses
	return p
}

func newFile(name string, content []byte) *file {
	sum := sha256.Sum256(content)
	f := &file{
		kind: contentTypes[path.Ext(name)], etag: hex.EncodeToString(sum[:12]),
		hashed: strings.HasPrefix(name, "assets/"), plain: content,
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if compressible[path.Ext(name)] && len(content) > 1024 {
		f.zipped = sync.OnceValue(func() []byte { return compress(content) })
	}
	return f
}

func compress(content []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic("the level exists: " + err.Error())
	}
	_, _ = w.Write(content) // a buffer takes everything
	_ = w.Close()
	return b.Bytes()
}

// ServeHTTP answers for every address that is no API's.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, http.StatusMethodNotAllowed, problem{Message: "this cannot be done here"})
		return
	}
	if f, ok := p.files[r.URL.Path]; ok {
		f.serve(w, r, http.StatusOK)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/assets/"):
		http.NotFound(w, r) // a file of another build; a page in its place would only confuse
	case p.index == nil:
		serveUnbuilt(w)
	default:
		p.index.serve(w, r, p.status(r))
	}
}

// status says whether an address is one of the app's. A question that the database cannot answer now is
// left to the page, which asks again.
func (p *pages) status(r *http.Request) int {
	switch r.URL.Path {
	case "/", "/register", "/signin", "/dashboard", "/golive", "/studio", "/check":
		return http.StatusOK
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/c/")
	username, page, deeper := strings.Cut(path, "/")
	if ok && username != "" && (!deeper || page == "join" || page == "realtime" || page == "moderation") {
		if _, err := p.app.Card(r.Context(), username); fault.Of(err) != fault.NotFound {
			return http.StatusOK
		}
	}
	return http.StatusNotFound
}

func (f *file) serve(w http.ResponseWriter, r *http.Request, code int) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	body, etag := f.plain, `"`+f.etag+`"`
	if f.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body, etag = f.zipped(), `"`+f.etag+`-gzip"`
		}
	}
	h.Set("ETag", etag)
	if f.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if code == http.StatusOK && r.Header.Get("If-None-Match") == etag {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// acceptsGzip reads Accept-Encoding as far as browsers use it; "gzip;q=0" declines.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, _ := strings.CutPrefix(strings.TrimSpace(quality), "q=")
			n, err := strconv.ParseFloat(q, 64)
			return err != nil || n > 0
		}
	}
	return false
}

const unbuilt = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>StreamCat: the web app is not built</title>
<h1>The web app is not built into this program</h1>
<p>The server itself runs: its API, RTMP and playlists work. The pages are built apart, with Node 20 or newer.
<p>In the source tree, <code>make build</code> builds both; <code>make run</code> also starts the result.
</html>
`

func serveUnbuilt(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte(unbuilt))
}
