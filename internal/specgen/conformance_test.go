package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// Every operation is sent a request that breaks one rule of the facts, for every rule in every place of its
// input, and must say which; and one at every bound, which no rule of the shapes may refuse. The requests are
// made from spec/ by the code beside this, not by what the checks are generated with.
func TestOperationsRefuseWhatTheFactsForbid(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.LogLevel = "info" })
	var sentInAll atomic.Int64
	t.Cleanup(func() { t.Logf("%d requests", sentInAll.Load()) })
	for _, p := range packages {
		m, err := load(root, p.service)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(p.service, func(t *testing.T) {
			t.Parallel()
			for _, op := range m.Operations {
				t.Run(op.Name, func(t *testing.T) {
					t.Parallel()
					c := &conform{m, t}
					to := &target{e, m, op}
					to.unreadable(t)
					for _, p := range c.places(op) {
						for _, s := range c.cases(p) {
							sentInAll.Add(1)
							to.judge(t, s)
						}
					}
				})
			}
		})
	}
}

// target is an operation of a running server.
type target struct {
	*enginetest.Engine
	m  *model
	op *operation
}

// answer is what a request was answered, in the form of any of the services.
type answer struct {
	status    int
	exception string

	Message   string
	Reason    string
	FieldList []struct{ Name, Message string }
}

// judge sends a request and wants what its case says.
func (to *target) judge(t *testing.T, s sent) {
	t.Helper()
	got := to.send(t, s.body)
	if got.status == http.StatusInternalServerError {
		t.Errorf("%s: got %d %s", s.name, got.status, got.exception)
		return
	}
	exception := "ValidationException"
	switch {
	case s.unreadable:
		exception = "SerializationException"
	case len(s.says) == 0:
		if got.exception == "SerializationException" || refusedByShape(got, s.at) {
			t.Errorf("%s: refused: %s %s", s.name, got.exception, got.Message)
		}
		return
	}
	if got.status != http.StatusBadRequest || got.exception != exception {
		t.Errorf("%s: got %d %s %q, want a %s", s.name, got.status, got.exception, got.Message, exception)
		return
	}
	if !slices.ContainsFunc(s.says, func(says string) bool { return strings.Contains(got.Message, s.at+" "+says) }) {
		t.Errorf("%s: the message is %q, want %s %q", s.name, got.Message, s.at, s.says)
	}
	if to.m.Service != "ivschat" || s.unreadable {
		return
	}
	if got.Reason != "FIELD_VALIDATION_FAILED" || len(got.FieldList) == 0 || slices.ContainsFunc(got.FieldList, func(f struct{ Name, Message string }) bool { return f.Name != s.at || f.Message == "" }) {
		t.Errorf("%s: reason %s, fields %+v, want only %s", s.name, got.Reason, got.FieldList, s.at)
	}
}

// refusedByShape tells whether an answer blames a place for what the rules of shapes say. What an operation
// knows beyond them, such as that a name is another region's, is none of it.
func refusedByShape(a answer, at string) bool {
	if a.exception != "ValidationException" {
		return false
	}
	for _, sentence := range strings.Split(a.Message, "; ") {
		for _, says := range []string{"is required", "must have at", "must match", "must be one of", "must be between", "must be at", "must not begin", "must have exactly"} {
			if strings.HasPrefix(sentence, at+" "+says) {
				return true
			}
		}
	}
	return false
}

// unreadable sends what is no JSON object.
func (to *target) unreadable(t *testing.T) {
	t.Helper()
	if to.op.Method != http.MethodPost {
		return
	}
	path, _, _ := to.place(t, (&conform{to.m, t}).valid(to.op.Input).(object))
	for _, body := range []string{`[]`, `"x"`, `7`, `null`, `{`, `{"a":}`, "{\"a\":\"\xff\"}", `{}{}`, `true false`} {
		if got := to.request(t, path, []byte(body)); got.status != http.StatusBadRequest || got.exception != "SerializationException" || got.Message == "" {
			t.Errorf("body %q: got %d %s %q", body, got.status, got.exception, got.Message)
		}
	}
}

// send sends the members of an input, each where it travels.
func (to *target) send(t *testing.T, members object) answer {
	t.Helper()
	path, query, rest := to.place(t, members)
	body, err := json.Marshal(rest)
	if err != nil {
		t.Fatal(err)
	}
	if to.op.Method != http.MethodPost {
		body = nil
	}
	return to.request(t, path+query, body)
}

func (to *target) place(t *testing.T, members object) (path, query string, rest object) {
	t.Helper()
	path, rest = to.op.Path, object{}
	for _, mem := range to.m.Shapes[to.op.Input].Members {
		v, there := members[mem.Name]
		switch {
		case mem.In == "path":
			name, _ := v.(string)
			path = strings.Replace(path, "{"+mem.Name+"}", url.PathEscape(name), 1)
		case mem.In == "query":
			values := url.Values{}
			for _, item := range v.([]any) {
				values.Add(mem.Name, item.(string))
			}
			query = "?" + values.Encode()
		case there:
			rest[mem.Name] = v
		}
	}
	return path, query, rest
}

func (to *target) request(t testing.TB, path string, body []byte) (a answer) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), to.op.Method, to.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	service := "ivs"
	if to.m.Service == "ivschat" {
		service = "ivschat"
	}
	key := aws.Credentials{AccessKeyID: to.AccessKeyID, SecretAccessKey: to.Secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), service, to.Region, time.Now()); err != nil {
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
	a.status, a.exception = resp.StatusCode, resp.Header.Get("x-amzn-ErrorType")
	if a.status >= 300 {
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
	}
	return a
}
