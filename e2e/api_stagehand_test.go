package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
)

// stagehand serves what the scripts in api/ cannot do themselves: it publishes to stages by WebRTC and to
// channels by an encoder, until the test ends. It gives its address.
func stagehand(t *testing.T, e *enginetest.Engine) string {
	t.Helper()
	mux := http.NewServeMux()
	handle := func(path string, do func(body map[string]string) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var body map[string]string
			err := json.NewDecoder(r.Body).Decode(&body)
			if err == nil {
				err = do(body)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	handle("/publish", func(body map[string]string) error {
		p, err := rtctest.DialPublisher(t.Context(), body["whip"], body["token"], rtctest.Options{Media: rtctest.Media{Bitrate: 200_000, FrameRate: 10}})
		if err != nil {
			return fmt.Errorf("publish to a stage: %w", err)
		}
		t.Cleanup(p.Close)
		return nil
	})
	handle("/encode", func(body map[string]string) error {
		ffmpeg(t, e.RTMP+body["streamKey"], picture{size: "320x180", rate: "15", gop: "15"})
		return nil
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}
