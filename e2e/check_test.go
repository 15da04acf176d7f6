package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// TestAGuestChecksTheirConnection has Chromium open the page by which guests find out whether they could join a stage:
// once where all is well, and once where the network lets no UDP out and nobody gave leave for the camera.
func TestAGuestChecksTheirConnection(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca), relaying)
	key := certificateKey(t, e, ca)
	goOnAir(t, e)
	well := startScript(t, "browser/check.mjs", e.HTTPS, "all", key)
	blocked := startScript(t, "browser/check.mjs", e.HTTPS, "blocked", key)

	t.Run("all is well", func(t *testing.T) {
		seen := well.hear("checked")
		row := checkRows(t, seen)
		for _, id := range []string{"webrtc", "h264", "camera", "microphone", "https", "socket", "video", "udp", "tcp", "relay-udp", "relay-tls"} {
			if got := row(id); got.verdict != "good" {
				t.Errorf("%s: %+v", id, got)
			}
		}
		// How good the line is, is the machine's; that it was measured is not.
		for id, unit := range map[string]string{"rtt": " ms", "loss": "lost", "bitrate": "Mbit/s"} {
			if got := row(id); got.verdict == "skip" || !strings.Contains(got.says, unit) {
				t.Errorf("%s: %+v", id, got)
			}
		}
		if seen["overall"] == "bad" {
			t.Errorf("it says %v", seen["title"])
		}
		report := seen["report"].(string)
		for _, want := range []string{"Result: " + seen["title"].(string), "Direct, by UDP: open, port ", "By the relay, TLS: open, port ", "Microphone: works, sound heard"} {
			if !strings.Contains(report, want) {
				t.Errorf("the report has no %q:\n%s", want, report)
			}
		}
		if found := regexp.MustCompile(`\d+\.\d+\.\d+\.\d+|eyJ|localhost|candidate`).FindString(report); found != "" {
			t.Errorf("the report has %q:\n%s", found, report)
		}
	})
	t.Run("no UDP and no camera", func(t *testing.T) {
		seen := blocked.hear("checked")
		row := checkRows(t, seen)
		for id, verdict := range map[string]string{
			"webrtc": "good", "camera": "bad", "microphone": "bad", "https": "good", "socket": "good", "udp": "warn", "tcp": "good", "relay-udp": "note", "relay-tls": "good",
		} {
			if got := row(id); got.verdict != verdict {
				t.Errorf("%s: %+v, want %s", id, got, verdict)
			}
		}
		if got := row("udp"); !strings.Contains(got.says, "come by TCP instead") || !strings.Contains(got.todo, "let out UDP to 127.0.0.1, port ") {
			t.Errorf("udp: %+v", got)
		}
		if got := row("camera"); !strings.Contains(got.says, "not allowed") || !strings.Contains(got.todo, "icon beside the address") {
			t.Errorf("camera: %+v", got)
		}
		if got := row("bitrate"); got.verdict == "skip" { // measured by TCP, with a painted picture
			t.Errorf("bitrate: %+v", got)
		}
		if seen["title"] != "Nobody would see or hear you" {
			t.Errorf("it says %v", seen["title"])
		}
	})
	well.hear("done")
	blocked.hear("done")
	stages, err := ivsrealtime.NewFromConfig(e.AWS()).ListStages(t.Context(), &ivsrealtime.ListStagesInput{})
	if err != nil || !slices.ContainsFunc(stages.Stages, func(s types.StageSummary) bool { return s.Tags["purpose"] == "check" }) {
		t.Errorf("stages %+v, %v", stages, err)
	}
	if strings.Contains(e.Log(), "eyJ") {
		t.Error("a token is in the log")
	}
}

// goOnAir has somebody register in the web app and send to their channel, which others see from then on.
func goOnAir(t *testing.T, e *enginetest.Engine) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	post := func(path, body string) (answer struct{ Value string }) {
		t.Helper()
		resp, err := browser.Post(e.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode/100 != 2 {
			t.Fatalf("%s: %s, %v", path, resp.Status, err)
		}
		return answer
	}
	post("/api/register", `{"username":"keeper","password":"correct horse battery"}`)
	key := post("/api/dashboard/stream-key/reveal", `{}`).Value
	ffmpeg(t, "rtmp://"+e.Addresses().RTMP+"/app/"+key, picture{size: "320x180", rate: "15", gop: "30"})
	eventually(t, 30*time.Second, "the channel is live", func() bool {
		resp, err := browser.Get(e.URL + "/api/channels")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var home struct{ Live []struct{ Username string } }
		return json.NewDecoder(resp.Body).Decode(&home) == nil && len(home.Live) == 1
	})
}

type checkRow struct{ verdict, says, todo string }

func checkRows(t *testing.T, seen map[string]any) func(id string) checkRow {
	rows := seen["rows"].(map[string]any)
	return func(id string) checkRow {
		t.Helper()
		row, ok := rows[id].(map[string]any)
		if !ok {
			t.Fatalf("there is no row %s in %v", id, rows)
		}
		return checkRow{row["verdict"].(string), row["says"].(string), row["todo"].(string)}
	}
}
