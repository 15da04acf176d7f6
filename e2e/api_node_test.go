package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestJavaScriptClients lets Amazon's own JavaScript programs judge the API and the chat socket. Each
// script is one program with its own tests; they share a server.
func TestJavaScriptClients(t *testing.T) {
	if _, err := os.Stat("node_modules"); err != nil {
		t.Fatal("the JavaScript clients are not installed: run `make test-deps`")
	}
	reviewer := httptest.NewServer(http.HandlerFunc(reviewAloud))
	defer reviewer.Close()
	const handler = "arn:aws:lambda:us-east-1:000000000000:function:aloud"
	e := enginetest.Start(t, func(c *engine.Config) {
		c.ChatReview, c.ChatReviewTimeout = handler+"="+reviewer.URL, "10s"
	})
	for _, script := range []string{"sdk2", "messaging"} {
		t.Run(script, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "node", "api/"+script+".mjs")
			cmd.Env = append(awsEnv(t, e), "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE=1", "NODE_NO_WARNINGS=1", "STREAMCAT_REVIEW_HANDLER="+handler)
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Run(); err != nil {
				t.Errorf("%v\n%s", err, out.Bytes())
			}
		})
	}
}

// reviewAloud denies what is a question and says everything else louder.
func reviewAloud(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Content    string
		Attributes map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out := map[string]any{"ReviewResult": "ALLOW", "Content": strings.ToUpper(in.Content), "Attributes": in.Attributes}
	if strings.HasSuffix(in.Content, "?") {
		out["ReviewResult"], out["Attributes"] = "DENY", map[string]string{"Reason": "No questions here, please."}
	}
	if err := json.NewEncoder(w).Encode(out); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// awsEnv is the environment of a foreign AWS client: the server's key, and nothing of whoever runs the
// tests.
func awsEnv(t *testing.T, e *enginetest.Engine) []string {
	t.Helper()
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + t.TempDir(),
		"LANG=C.UTF-8",
		"STREAMCAT_URL=" + e.URL,
		"AWS_REGION=" + e.Region,
		"AWS_DEFAULT_REGION=" + e.Region,
		"AWS_ACCESS_KEY_ID=" + e.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + e.Secret,
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1",
		"AWS_PAGER=",
	}
}
