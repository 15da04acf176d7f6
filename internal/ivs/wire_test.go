package ivs

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// golden is a request as AWS CLI 1.45.11 put it on the wire, signature included, and the answer it
// must get, written by hand.
type golden struct {
	world   string // offline, live, or ended
	request string
	status  string // such as "404 ResourceNotFoundException"
	body    string
}

func readGolden(t *testing.T, path string) golden {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	world, rest, _ := strings.Cut(string(b), "\n--- request\n")
	request, answer, ok := strings.Cut(rest, "\n--- answer\n")
	if !ok {
		t.Fatalf("%s is not a golden file", path)
	}
	status, body, _ := strings.Cut(strings.TrimSpace(answer), "\n")
	return golden{world, request, status, body}
}

// parse makes the request that the server would see.
func (g golden) parse(t *testing.T) (*http.Request, time.Time) {
	t.Helper()
	head, body, _ := strings.Cut(g.request, "\n\n")
	raw := strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	now, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	return r, now
}

var fresh = []struct {
	pattern *regexp.Regexp
	to      string
}{
	{regexp.MustCompile(`sk_us-east-1_\w{12}_\w{32}"`), `sk_us-east-1_NEW_SECRET"`},
	{regexp.MustCompile(`:(channel|stream-key)/\w{12}"`), `:$1/NEW"`},
	{regexp.MustCompile(`channel\.\w{12}\.m3u8`), `channel.NEW.m3u8`},
	{regexp.MustCompile(`"passphrase":"\w{69}"`), `"passphrase":"PASSPHRASE"`},
}

func TestCapturedRequestsOfTheCLIGetTheAnswersWrittenByHand(t *testing.T) {
	files, err := filepath.Glob("testdata/wire/*.txt")
	if err != nil || len(files) < 30 {
		t.Fatalf("golden files: %d, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			g := readGolden(t, path)
			r, now := g.parse(t)
			w := newWorld(t, now)
			w.furnish(t)
			switch g.world {
			case "live":
				w.goLive()
			case "ended":
				w.wasLive(t)
			}
			rec := httptest.NewRecorder()
			w.mux.ServeHTTP(rec, r)

			status := strings.TrimSpace(strings.Fields(rec.Result().Status)[0] + " " + rec.Header().Get("x-amzn-ErrorType"))
			got := rec.Body.String()
			if status != g.status {
				t.Fatalf("status: got %q, want %q\n%s", status, g.status, got)
			}
			if rec.Header().Get("x-amzn-RequestId") == "" {
				t.Error("no request id")
			}
			if strings.HasPrefix(filepath.Base(path), "create-channel") {
				for _, f := range fresh {
					got = f.pattern.ReplaceAllString(got, f.to)
				}
			}
			if diff := cmp.Diff(parsed(t, g.body), parsed(t, got)); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
		})
	}
}

func parsed(t *testing.T, body string) any {
	t.Helper()
	if body == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}
