package e2e

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestAHostsTokenIsKeptAndRenewed looks at the web app's tokens from outside: by its own JSON, in its
// database, and at the door that they open.
func TestAHostsTokenIsKeptAndRenewed(t *testing.T) {
	e := enginetest.Start(t)
	th := &theatre{Engine: e, t: t, url: e.URL}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	ask := func(path, body string, into any) {
		t.Helper()
		resp, err := browser.Post(e.URL+path, "application/json", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode/100 != 2 {
			t.Fatalf("%s: %d %v %s", path, resp.StatusCode, err, text)
		}
		if err := json.Unmarshal(text, into); err != nil {
			t.Fatal(err)
		}
	}
	type place struct {
		Token, ParticipantID string
		ExpirationTime       time.Time
	}
	var first, second, third place
	var ignored any
	ask("/api/register", `{"username":"keeper","password":"correct horse battery"}`, &ignored)
	ask("/api/studio/token", `{}`, &first)
	ask("/api/studio/token", `{}`, &second)
	if second != first {
		t.Errorf("a second visit got another token")
	}

	db, err := sql.Open("sqlite", filepath.Join(e.DataDir(), "streamcat.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var sealed []byte
	if err := db.QueryRow(`SELECT sealed FROM app_stage_tokens WHERE participant = $1 AND role = 'host'`, first.ParticipantID).Scan(&sealed); err != nil {
		t.Fatalf("the token is not in the database: %v", err)
	}
	for _, file := range []string{"streamcat.db", "streamcat.db-wal"} {
		text, err := os.ReadFile(filepath.Join(e.DataDir(), file))
		if err == nil && bytes.Contains(text, []byte(first.Token)) {
			t.Errorf("the token can be read in %s", file)
		}
	}

	// Ten seconds before its end a token is given to nobody any more.
	if _, err := db.Exec(`UPDATE app_stage_tokens SET expires = $1 WHERE participant = $2`, time.Now().Add(9*time.Second).UnixMicro(), first.ParticipantID); err != nil {
		t.Fatal(err)
	}
	ask("/api/studio/token", `{}`, &third)
	if third.Token == first.Token || third.ParticipantID == first.ParticipantID || time.Until(third.ExpirationTime) < time.Hour {
		t.Errorf("a token near its end was given again")
	}
	sending := sdpOffer(t, webrtc.RTPTransceiverDirectionSendonly)
	for name, p := range map[string]place{"the old": first, "the new": third} {
		if status, code := th.post(th.whip(), p.Token, sending); status != http.StatusCreated {
			t.Errorf("%s token at the door: %d %s", name, status, code)
		}
	}
}
