package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// documented gives the configuration of nginx that docs/run.md shows, for other addresses.
func documented(t *testing.T, dir, listen, origin string) string {
	t.Helper()
	manual, err := os.ReadFile("../docs/run.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(manual), "```nginx\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("docs/run.md shows no configuration of nginx")
	}
	for from, to := range map[string]string{
		"listen 80;": "listen " + listen + ";", "server 127.0.0.1:8080;": "server " + origin + ";", "/var/cache/nginx/streamcat": dir + "/cache",
	} {
		if strings.Count(example, from) != 1 {
			t.Fatalf("docs/run.md does not say %q once", from)
		}
		example = strings.Replace(example, from, to, 1)
	}
	return example
}

// nginxPath is where Debian has it, which is not in everybody's PATH.
const nginxPath = "/usr/sbin/nginx"

// startNginx runs an nginx of its own in a folder, with what is to stand in its http section and, before it, outside of it.
func startNginx(t *testing.T, dir, outside, section string) *encoder {
	t.Helper()
	if err := os.Chmod(dir, 0o755); err != nil { // its workers are nobody's
		t.Fatal(err)
	}
	config := fmt.Sprintf("daemon off;\npid %s/pid;\nerror_log stderr error;\n%sevents { worker_connections 1024; }\nhttp {\naccess_log off;\n", dir, outside)
	if os.Getuid() == 0 {
		config = "user root;\n" + config
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config+section+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := startEncoder(t, nginxPath, "-e", "stderr", "-p", dir, "-c", file)
	t.Cleanup(e.quit)
	return e
}

// nginx runs a cache in front of an origin and gives its address.
func nginx(t *testing.T, origin string) string {
	t.Helper()
	dir, listen := t.TempDir(), freeAddr(t)
	startNginx(t, dir, "", documented(t, dir, listen, origin))
	eventually(t, 20*time.Second, "nginx answers", func() bool {
		resp, err := http.Get("http://" + listen + "/healthz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return "http://" + listen
}

// counted stands between a cache and its origin and counts what is asked for.
type counted struct {
	mu   sync.Mutex
	asks map[string]int
}

func (c *counted) note(r *http.Request) {
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if q := r.URL.Query(); q.Has("_HLS_msn") {
		name += " " + q.Get("_HLS_msn") + "." + q.Get("_HLS_part")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asks[name]++
}

// lowLatencyViewer follows a channel as a player does, by so many versions of its playlist, and takes each new part. It
// gives how many requests it made.
func lowLatencyViewer(client *http.Client, base, multivariant string, versions int) (requests int, err error) {
	get := func(address string) (string, error) {
		requests++
		resp, err := client.Get(address)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("%s: %s", address, resp.Status)
		}
		return string(body), err
	}
	text, err := get(multivariant)
	if err != nil {
		return requests, err
	}
	media := ""
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			media = base + strings.TrimSpace(line)
		}
	}
	folder := media[:strings.LastIndex(media, "/")+1]
	check, taken, address := hlscheck.New(), map[string]bool{}, media
	var wantMSN uint64
	var wantPart int
	for version := range versions {
		if text, err = get(address); err != nil {
			return requests, err
		}
		if wrong := check.Playlist(text); len(wrong) > 0 {
			return requests, fmt.Errorf("%v in\n%s", wrong, text)
		}
		msn, part := check.Last().End()
		if msn < wantMSN || msn == wantMSN && part <= wantPart && version > 0 {
			return requests, fmt.Errorf("asked for %d.%d, the answer ends before %d.%d", wantMSN, wantPart, msn, part)
		}
		wantMSN, wantPart = msn, part
		for _, s := range check.Last().Segments {
			for _, p := range s.Parts {
				if version > 0 && !taken[p.URI] {
					if _, err := get(folder + p.URI); err != nil {
						return requests, err
					}
				}
				taken[p.URI] = true
			}
		}
		address = fmt.Sprintf("%s&_HLS_msn=%d&_HLS_part=%d", media, msn, part)
	}
	return requests, nil
}

func TestFiftyViewersBehindACacheCostAsMuchAsOne(t *testing.T) {
	const viewers, versions = 50, 20
	e := enginetest.Start(t)
	c := makeChannel(t, e.AWS(), e.RTMP)
	ffmpeg(t, c.PublishURL, picture{})
	eventually(t, 30*time.Second, "live", func() bool { return isLive(t, e.AWS(), c) })
	home, err := url.Parse(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	origin := &counted{asks: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(home) }}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin.note(r)
		proxy.ServeHTTP(w, r)
	}))
	defer between.Close()
	cache := nginx(t, between.Listener.Addr().String())
	playback := cache + strings.TrimPrefix(c.PlaybackURL, e.URL)
	base := playback[:strings.LastIndex(playback, "/")+1]
	fetch(t, playback, http.StatusOK)

	var mu sync.Mutex
	var watching sync.WaitGroup
	total := 0
	for range viewers {
		watching.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer client.CloseIdleConnections()
			n, err := lowLatencyViewer(client, base, playback, versions)
			mu.Lock()
			defer mu.Unlock()
			if total += n; err != nil {
				t.Error(err)
			}
		})
	}
	watching.Wait()

	origin.mu.Lock()
	asked, most, doors := 0, 0, 0
	for name, n := range origin.asks {
		switch {
		case strings.Contains(name, ".channel."):
			doors += n // each viewer is told a session of its own
		case strings.HasSuffix(name, ".m3u8"), name == "healthz": // the newest playlist, once a second
		default:
			asked, most = asked+n, max(most, n)
		}
	}
	names := len(origin.asks)
	origin.mu.Unlock()
	t.Logf("%d viewers asked %d times, the origin was asked %d times for %d names, at most %d times for one", viewers, total, asked, names, most)
	if total < viewers*versions*3/2 || doors != viewers+1 {
		t.Errorf("the viewers asked %d times, and %d of %d were told a session", total, doors, viewers+1)
	}
	if asked > names*5/4 || most > 3 {
		t.Errorf("the origin was asked %d times for %d things, up to %d times for one", asked, names, most)
	}

	// The newest playlist by the cache is a second behind, no more.
	own := hlscheck.New()
	own.Playlist(fetch(t, mediaURL(t, c.PlaybackURL), http.StatusOK))
	msn, part := own.Last().End()
	through := mediaURL(t, playback)
	eventually(t, 5*time.Second, "the cache has what the origin had", func() bool {
		list, _ := hlscheck.Parse(fetch(t, through, http.StatusOK))
		gotMSN, gotPart := list.End()
		return gotMSN > msn || gotMSN == msn && gotPart >= part
	})
	fetch(t, through+"&_HLS_msn=1000000000000&_HLS_part=0", http.StatusBadRequest)
}
