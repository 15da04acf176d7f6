package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestWhatNoDatabaseTakesIsTheCallersMistake sends what PostgreSQL refuses as text, and names too long for an
// index, to all places that reach the database. None is a failure of the server, and none keeps a call out of the
// audit log.
func TestWhatNoDatabaseTakesIsTheCallersMistake(t *testing.T) {
	onBoth(t, func(t *testing.T, e *enginetest.Engine, _ string) {
		made := engineAPI(t, e, e.AccessKeyID, e.Secret, 201, "POST", "webhooks", `{"url":"https://example.com/","state":"disabled"}`)
		id := made["id"].(string)
		long := strings.Repeat("a", 9000)
		changing := 1
		for _, c := range []struct{ method, path, body string }{
			{"GET", "webhooks/%00", ""},
			{"GET", "access-keys/%FF", ""},
			{"GET", "events?resource=%00", ""},
			{"GET", "events?detailType=%FF", ""},
			{"GET", "audit?accessKeyId=%00", ""},
			{"GET", "audit?operation=%FF", ""},
			{"GET", "audit?resource=" + long, ""},
			{"DELETE", "webhooks/%00", ""},
			{"DELETE", "webhooks/" + long, ""},
			{"DELETE", "access-keys/%FF", ""},
			{"DELETE", "access-keys/" + long, ""},
			{"POST", "webhooks/" + id + "/dead-letters/%00/replay", ""},
			{"POST", "webhooks/" + id + "/dead-letters/%FF/replay", ""},
			{"POST", "access-keys", `{"note":"a\u0000b"}`},
			{"POST", "access-keys", `{"note":"two\nlines"}`},
			{"POST", "access-keys", `{"note":"` + strings.Repeat("é", 257) + `"}`},
			{"PATCH", "webhooks/" + id, `{"description":"a\u0000b"}`},
			{"PATCH", "webhooks/" + id, `{"detailTypes":["a\u0000b"]}`},
			{"POST", "webhooks", `{"url":"https://example.com/\u0000"}`},
		} {
			s := signed{service: "streamcat"}
			status, _, text := s.send(t, e, c.method, e.URL+"/engine/v1/"+c.path, c.body)
			if status != 400 && status != 404 && !(c.method == "GET" && status == 200) {
				t.Errorf("%s %.60s: %d %.200s", c.method, c.path, status, text)
			}
			if c.method != "GET" {
				changing++
			}
		}
		entries := engineAPI(t, e, e.AccessKeyID, e.Secret, 200, "GET", "audit?maxResults=100", "")["entries"].([]any)
		if len(entries) != changing {
			t.Errorf("%d calls are in the audit log, want %d", len(entries), changing)
		}
		for _, key := range []string{"%00", "%FF", long[:3000]} {
			s := signed{presign: true, service: "ivs", after: func(r *http.Request) {
				r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "X-Amz-Credential="+e.AccessKeyID, "X-Amz-Credential="+key, 1)
			}}
			if status, name, text := s.send(t, e, "POST", e.URL+"/ListChannels", `{}`); status != 403 || name != "UnrecognizedClientException" {
				t.Errorf("the access key %.10s: %d %s", key, status, text)
			}
		}
		for _, line := range strings.Split(e.Log(), "\n") {
			if strings.Contains(line, "level=ERROR") {
				t.Error(line)
			}
		}
	})
}

// TestWhatIsForOperatorsIsReadByGet keeps it from who can only let the server post, as by a webhook.
func TestWhatIsForOperatorsIsReadByGet(t *testing.T) {
	e := enginetest.Start(t)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=1"} {
		for method, want := range map[string]int{"GET": 200, "POST": 405} {
			r, err := http.NewRequestWithContext(t.Context(), method, e.Admin+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%s %s: %d, want %d", method, path, resp.StatusCode, want)
			}
		}
	}
}
