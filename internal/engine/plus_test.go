package engine_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// engineAPI calls /engine/v1 with a key and wants a status.
func engineAPI(t *testing.T, e *enginetest.Engine, id, secret string, want int, method, path, body string) map[string]any {
	t.Helper()
	r, err := http.NewRequest(method, e.URL+"/engine/v1/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "streamcat", e.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, resp.StatusCode, text, want)
	}
	var out map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestAccessKeysAreManagedOverTheEngineAPI(t *testing.T) {
	e := enginetest.Start(t)
	root := func(want int, method, path, body string) map[string]any {
		t.Helper()
		return engineAPI(t, e, e.AccessKeyID, e.Secret, want, method, path, body)
	}
	const lists = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"streamcat:List*","Resource":"*"}]}`
	made := root(http.StatusCreated, "POST", "access-keys", `{"note":"ci","policy":`+lists+`}`)
	id, secret := made["id"].(string), made["secret"].(string)
	if made["note"] != "ci" || made["root"] != false || made["policy"] == nil {
		t.Errorf("made: %v", made)
	}
	engineAPI(t, e, id, secret, http.StatusOK, "GET", "webhooks", "")
	denied := engineAPI(t, e, id, secret, http.StatusForbidden, "POST", "access-keys", `{}`)
	if denied["code"] != "AccessDeniedException" || !strings.Contains(denied["message"].(string), "streamcat:CreateAccessKey") {
		t.Errorf("denied: %v", denied)
	}
	if all := root(http.StatusOK, "GET", "access-keys", "")["accessKeys"].([]any); len(all) != 3 || all[0].(map[string]any)["id"] != id || all[0].(map[string]any)["secret"] != nil {
		t.Errorf("the list, newest first: %v", all)
	}
	var paged []string
	for path := "access-keys?maxResults=2"; path != ""; {
		page := root(http.StatusOK, "GET", path, "")
		for _, k := range page["accessKeys"].([]any) {
			paged = append(paged, k.(map[string]any)["id"].(string))
		}
		next, _ := page["nextToken"].(string)
		if path = ""; next != "" {
			path = "access-keys?maxResults=2&nextToken=" + next
		}
	}
	if len(paged) != 3 || paged[0] != id {
		t.Errorf("in pages: %v", paged)
	}

	rotated := root(http.StatusCreated, "POST", "access-keys/"+id+"/rotate", "")
	if rotated["id"] == id || rotated["note"] != "ci" || rotated["policy"] == nil {
		t.Errorf("rotated: %v", rotated)
	}
	engineAPI(t, e, rotated["id"].(string), rotated["secret"].(string), http.StatusOK, "GET", "webhooks", "")
	engineAPI(t, e, id, secret, http.StatusOK, "GET", "webhooks", "") // until it is deleted

	const reads = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"streamcat:GetFeatures","Resource":"*"}]}`
	root(http.StatusBadRequest, "PUT", "access-keys/"+id+"/policy", `{}`)
	root(http.StatusBadRequest, "PUT", "access-keys/"+id+"/policy", `{"policy":{"Statement":"all"}}`)
	root(http.StatusOK, "PUT", "access-keys/"+id+"/policy", `{"policy":`+reads+`}`)
	engineAPI(t, e, id, secret, http.StatusForbidden, "GET", "webhooks", "")
	engineAPI(t, e, id, secret, http.StatusOK, "GET", "features", "")
	root(http.StatusNoContent, "DELETE", "access-keys/"+id, "")
	engineAPI(t, e, id, secret, http.StatusForbidden, "GET", "features", "")
	root(http.StatusNotFound, "GET", "access-keys/"+id, "")

	text, err := json.Marshal(root(http.StatusOK, "GET", "audit", ""))
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{`"CreateAccessKey"`, `"RotateAccessKey"`, `"PutAccessKeyPolicy"`, `"DeleteAccessKey"`, `"AccessDeniedException"`, "access-key/" + id} {
		if !strings.Contains(string(text), says) {
			t.Errorf("the audit log does not tell of %s", says)
		}
	}
	for _, hidden := range []string{secret, rotated["secret"].(string)} {
		if strings.Contains(string(text)+e.Log(), hidden) {
			t.Error("the audit log or the log tells a secret")
		}
	}
}
