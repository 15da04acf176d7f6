//go:build bench

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/gauge"
	"github.com/streamcat/streamcat/internal/hls/hlsbench"
	"github.com/streamcat/streamcat/internal/hls/hlscheck"
)

// capture takes the newest playlist of a live channel, and the part listed in it that is nearest the mean in size.
func capture(t *testing.T, playback string) map[string][]byte {
	t.Helper()
	media, err := url.Parse(mediaURL(t, playback))
	if err != nil {
		t.Fatal(err)
	}
	text := fetch(t, media.String(), http.StatusOK)
	list, wrong := hlscheck.Parse(text)
	if len(wrong) > 0 {
		t.Fatalf("%v in\n%s", wrong, text)
	}
	var parts [][]byte
	sum := 0
	for _, s := range list.Segments {
		for _, p := range s.Parts {
			u, err := media.Parse(p.URI)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, []byte(fetch(t, u.String(), http.StatusOK)))
			sum += len(parts[len(parts)-1])
		}
	}
	if len(parts) == 0 {
		t.Fatalf("no parts in\n%s", text)
	}
	mean := sum / len(parts)
	off := func(part []byte) int { return max(len(part)-mean, mean-len(part)) }
	part := slices.MinFunc(parts, func(a, b []byte) int { return off(a) - off(b) })
	return map[string][]byte{"av.m3u8": []byte(text), "part.m4s": part}
}

// nginxRow is what viewers cost where nothing is made, nobody waits and all is in the system's cache.
type nginxRow struct {
	viewer      float64 // % of a core per viewer
	bytes       int     // of a playlist and a part
	asked, want int64   // requests answered, and what viewers in step with the stream ask
}

func (r nginxRow) String() string {
	return fmt.Sprintf("%.3f %% of a core per viewer of %d, who takes a playlist and a part, %d kB together, every %v; %d of %d requests answered in time",
		r.viewer, viewers, r.bytes/1000, partTime, r.asked, r.want)
}

// keptUp says whether nginx and its clients were as quick as a stream.
func (r nginxRow) keptUp() bool { return float64(r.asked) > 0.9*float64(r.want) }

// partTime is how often a viewer asks for a playlist and a part.
const partTime = 334 * time.Millisecond

// measureNginx has as many viewers as TestChannelLoad ask nginx for files as often as theirs come. why says what is
// missing where it cannot.
func measureNginx(t *testing.T, files map[string][]byte) (r nginxRow, why string) {
	t.Helper()
	const warm, lasts, rest = 3 * time.Second, 10 * time.Second, 2 * time.Second
	if _, err := exec.LookPath(nginxPath); err != nil {
		return r, err.Error()
	}
	dir, listen := t.TempDir(), freeAddr(t)
	root := filepath.Join(dir, "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	var urls []string
	for _, name := range []string{"av.m3u8", "part.m4s"} {
		if err := os.WriteFile(filepath.Join(root, name), files[name], 0o644); err != nil {
			t.Fatal(err)
		}
		urls = append(urls, "http://"+listen+"/"+name)
		r.bytes += len(files[name])
	}
	// One process, as it is one that is measured, and all that makes plain files cheap.
	server := startNginx(t, dir, "master_process off;\n", fmt.Sprintf(
		"sendfile on;\ntcp_nopush on;\nkeepalive_requests 1000000;\nopen_file_cache max=16;\nserver { listen %s; root %s; }\n", listen, root))
	defer server.quit()
	eventually(t, 20*time.Second, "nginx answers", func() bool {
		resp, err := http.Get(urls[0])
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	together := gauge.Apart(server.cmd.Process.Pid)
	defer together()

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	type loaded struct {
		answers int64
		err     error
	}
	done := make(chan loaded, 1)
	go func() {
		n, err := hlsbench.Repeat(ctx, urls, viewers, partTime, warm+lasts+rest)
		done <- loaded{n, err}
	}()
	pause(ctx, warm)
	s := liveServer{pid: server.cmd.Process.Pid}
	r.viewer = s.load(ctx, t, "", lasts) / viewers
	l := <-done
	if l.err != nil {
		t.Fatalf("nginx: %v", l.err)
	}
	r.asked, r.want = l.answers, int64((warm+lasts+rest)/partTime)*viewers*int64(len(urls))
	return r, ""
}
