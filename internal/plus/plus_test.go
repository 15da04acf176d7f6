package plus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/plus"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

// secrets are the access keys of a test: their secret is their id, and what they may do is here.
type secrets map[string]*auth.Policy

func (s secrets) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	policy, ok := s[id]
	if !ok {
		return "", auth.Principal{}, fault.Missing("access key %s does not exist", id)
	}
	return id, auth.Principal{AccountID: "000000000000", AccessKeyID: id, Policy: policy}, nil
}

// server is the API on a real database, over HTTP.
type server struct {
	url  string
	db   *store.DB
	keys secrets

	webhooks *hook.Webhooks
}

func start(t *testing.T) *server {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	db, err := store.Open(context.Background(), storetest.SQLite(t), store.Options{Log: log})
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	messages, err := bus.Open(context.Background(), bus.Options{Dir: t.TempDir(), Log: log})
	check(t, err)
	t.Cleanup(func() { check(t, messages.Close(context.Background())) })
	ring, err := auth.OpenKeyring(filepath.Join(t.TempDir(), "keys"))
	check(t, err)
	webhooks := hook.NewWebhooks(hook.WebhooksDeps{
		DB: db, Bus: messages, Keyring: ring, Account: "000000000000", Region: "us-east-1",
		MinWait: time.Millisecond, MaxWait: 2 * time.Millisecond, Tries: 2, Poll: 20 * time.Millisecond, Log: log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- webhooks.Run(ctx) }()
	t.Cleanup(func() { cancel(); check(t, <-done) })
	s := &server{db: db, keys: secrets{"root": nil}, webhooks: webhooks}
	h := httptest.NewServer(plus.NewService(plus.Deps{
		DB: db, Webhooks: webhooks, Minter: arn.Minter{Region: "us-east-1", Account: "000000000000"},
		Verifier: &auth.SigV4{Region: "us-east-1", Services: []string{plus.SigningName}, Secrets: s.keys},
		Audit:    store.NewAuditLog(db), Log: log,
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// object is an answer.
type object = map[string]any

// as calls the API, signed with a key for a service, and gives status and answer.
func (s *server) as(t testing.TB, key, service, method, path, body string) (int, object) {
	t.Helper()
	r, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	check(t, err)
	if key != "" {
		sum := sha256.Sum256([]byte(body))
		check(t, v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: key}, r, hex.EncodeToString(sum[:]), service, "us-east-1", time.Now()))
	}
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	check(t, err)
	var out object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
		}
	}
	if resp.Header.Get("x-amzn-RequestId") == "" {
		t.Errorf("%s %s: no request id", method, path)
	}
	return resp.StatusCode, out
}

// call calls as root and wants a status.
func (s *server) call(t testing.TB, want int, method, path, body string) object {
	t.Helper()
	status, out := s.as(t, "root", "streamcat", method, "/engine/v1/"+path, body)
	if status != want {
		t.Fatalf("%s %s: %d %v, want %d", method, path, status, out, want)
	}
	return out
}

// refused calls as root and wants a failure that says something.
func (s *server) refused(t testing.TB, status int, code, says, method, path, body string) {
	t.Helper()
	out := s.call(t, status, method, path, body)
	if message, _ := out["message"].(string); out["code"] != code || !strings.Contains(message, says) || len(out) != 2 {
		t.Errorf("%s %s: %v, want %s with %q", method, path, out, code, says)
	}
}

func TestOnlySignedRequestsComeIn(t *testing.T) {
	s := start(t)
	for name, c := range map[string]struct{ key, service, code string }{
		"not signed":          {"", "", "MissingAuthenticationTokenException"},
		"signed for IVS":      {"root", "ivs", "InvalidSignatureException"},
		"with an unknown key": {"nobody", "streamcat", "UnrecognizedClientException"},
	} {
		if status, out := s.as(t, c.key, c.service, "GET", "/engine/v1/features", ""); status != 403 || out["code"] != c.code || out["message"] == "" {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	if got := fmt.Sprint(s.call(t, 200, "GET", "features", "")); got != "map[features:[audit events webhooks]]" {
		t.Errorf("features: %s", got)
	}
}

func TestWhatIsNotKnownIsRefused(t *testing.T) {
	s := start(t)
	s.refused(t, 404, "UnknownOperationException", "/engine/v1/nothing", "GET", "nothing", "")
	s.refused(t, 404, "UnknownOperationException", "DELETE", "DELETE", "features", "")
	s.refused(t, 404, "UnknownOperationException", "", "GET", "webhooks//x", "")
	s.refused(t, 400, "ValidationException", `"colour"`, "GET", "webhooks?colour=red", "")
	s.refused(t, 400, "ValidationException", "more than once", "GET", "webhooks?maxResults=1&maxResults=2", "")
	s.refused(t, 400, "ValidationException", "maxResults", "GET", "webhooks?maxResults=101", "")
	s.refused(t, 400, "ValidationException", "nextToken", "GET", "webhooks?nextToken=x", "")
	s.refused(t, 400, "ValidationException", `"URL"`, "POST", "webhooks", `{"URL":"https://example.com"}`)
	s.refused(t, 400, "ValidationException", "url has the wrong type", "POST", "webhooks", `{"url":1}`)
	s.refused(t, 400, "ValidationException", "JSON object", "POST", "webhooks", `[]`)
	s.refused(t, 400, "ValidationException", "JSON object", "POST", "webhooks", `{} {}`)
	s.refused(t, 400, "ValidationException", "state", "POST", "webhooks", `{"url":"https://example.com","state":"on"}`)
	s.refused(t, 413, "RequestEntityTooLargeException", "1048576", "POST", "webhooks", strings.Repeat(" ", 1<<20+1))
	s.refused(t, 400, "ValidationException", "order", "GET", "events?order=up", "")
	s.refused(t, 400, "ValidationException", "since", "GET", "events?since=yesterday", "")
	s.refused(t, 404, "ResourceNotFoundException", "nobody", "GET", "webhooks/nobody", "")
	s.refused(t, 404, "ResourceNotFoundException", "nobody", "GET", "webhooks/nobody/dead-letters", "")
	s.refused(t, 404, "ResourceNotFoundException", "nobody", "GET", "webhooks/nobody/deliveries", "")
	s.refused(t, 404, "ResourceNotFoundException", "nobody", "POST", "webhooks/nobody/dead-letters/replay", "")
	s.refused(t, 404, "ResourceNotFoundException", "nobody", "POST", "webhooks/nobody/replay", `{"since":"2026-01-01T00:00:00Z"}`)
	s.refused(t, 400, "ValidationException", "since is required", "POST", "webhooks/nobody/replay", "")
}

// receiver takes events, but those named by their number within the resource.
func receiver(t *testing.T) (url string, refuse func(sequence string), got chan http.Header) {
	t.Helper()
	refused := make(chan string, 1)
	refused <- ""
	got = make(chan http.Header, 100)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		no := <-refused
		refused <- no
		if r.Header.Get("streamcat-sequence") == no {
			w.WriteHeader(500)
		}
		fmt.Fprint(w, "heard")
		got <- r.Header
	}))
	t.Cleanup(h.Close)
	return h.URL, func(sequence string) { <-refused; refused <- sequence }, got
}

func (s *server) tell(t testing.TB, n int) {
	t.Helper()
	check(t, s.db.AppendEvent(t.Context(), store.Event{DetailType: "T", Resources: []string{"arn:aws:ivs:us-east-1:000000000000:channel/c"}, Detail: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))}))
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(20 * time.Second); !ok(); {
		select {
		case <-end:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}

func TestLifeOfAWebhook(t *testing.T) {
	s := start(t)
	url, refuse, got := receiver(t)
	made := s.call(t, 201, "POST", "webhooks", `{"url":"`+url+`","description":"mine","detailTypes":["T"],"resources":["arn:aws:ivs:*:channel/*"]}`)
	id, _ := made["id"].(string)
	if secret, _ := made["secret"].(string); !strings.HasPrefix(secret, "whsec_") || made["arn"] != "arn:aws:streamcat:us-east-1:000000000000:webhook/"+id || made["state"] != "enabled" {
		t.Errorf("made: %v", made)
	}
	test := s.call(t, 200, "POST", "webhooks/"+id+"/test", "")
	if test["delivered"] != true || test["status"] != 200.0 || test["answer"] != "heard" || (<-got).Get("streamcat-test") != "true" {
		t.Errorf("test: %v", test)
	}

	refuse("1")
	s.tell(t, 1)
	s.tell(t, 2)
	for _, want := range []string{"1", "1", "2"} {
		if h := <-got; h.Get("streamcat-sequence") != want {
			t.Errorf("got event %s, want %s", h.Get("streamcat-sequence"), want)
		}
	}
	until(t, "delivered or dead", func() bool {
		d := s.call(t, 200, "GET", "webhooks/"+id, "")["delivery"].(object)
		return d["eventsBehind"] == 0.0 && d["deadLetters"] == 1.0 && len(d["failing"].([]any)) == 0
	})
	if d := s.call(t, 200, "GET", "webhooks/"+id+"/deliveries", "")["deliveries"].([]any); len(d) != 3 || d[0].(object)["delivered"] != true || d[2].(object)["status"] != 500.0 {
		t.Errorf("deliveries, newest first: %v", d)
	}
	letter := s.call(t, 200, "GET", "webhooks/"+id+"/dead-letters", "")["deadLetters"].([]any)[0].(object)
	if letter["sequence"] != 1.0 || letter["tries"] != 2.0 || letter["error"] != "the receiver answered 500" {
		t.Errorf("dead letter: %v", letter)
	}
	event := letter["event"].(object)["id"].(string)
	s.refused(t, 404, "ResourceNotFoundException", "no-such-event", "POST", "webhooks/"+id+"/dead-letters/no-such-event/replay", "")
	refuse("")
	if n := s.call(t, 202, "POST", "webhooks/"+id+"/dead-letters/"+event+"/replay", "")["events"]; n != 1.0 {
		t.Errorf("%v events are told again", n)
	}
	if h := <-got; h.Get("webhook-id") != event || h.Get("streamcat-replay") != "dead-letter" {
		t.Errorf("replayed: %v", h)
	}
	until(t, "no dead letter", func() bool {
		return len(s.call(t, 200, "GET", "webhooks/"+id+"/dead-letters", "")["deadLetters"].([]any)) == 0
	})
	if n := s.call(t, 202, "POST", "webhooks/"+id+"/dead-letters/replay", "")["events"]; n != 0.0 {
		t.Errorf("%v dead letters of none", n)
	}
	replay := s.call(t, 202, "POST", "webhooks/"+id+"/replay", `{"since":"2020-01-01T00:00:00Z","detailTypes":["T"]}`)
	for _, want := range []string{"1", "2"} {
		if h := <-got; h.Get("streamcat-sequence") != want || h.Get("streamcat-replay") != replay["id"] {
			t.Errorf("replayed: %v", h)
		}
	}

	if w := s.call(t, 200, "POST", "webhooks/"+id+"/rotate-secret", ""); w["secret"] == made["secret"] || w["secret"] == nil || w["previousSecretUntil"] == nil {
		t.Errorf("rotated: %v", w)
	}
	changed := s.call(t, 200, "PATCH", "webhooks/"+id, `{"state":"disabled","detailTypes":[],"description":null}`)
	if changed["state"] != "disabled" || changed["description"] != "mine" || len(changed["detailTypes"].([]any)) != 0 || changed["secret"] != nil {
		t.Errorf("changed: %v", changed)
	}
	s.call(t, 204, "DELETE", "webhooks/"+id, "")
	s.refused(t, 404, "ResourceNotFoundException", id, "GET", "webhooks/"+id, "")

	entries := s.call(t, 200, "GET", "audit?maxResults=100", "")["entries"].([]any)
	var operations []string
	for _, e := range entries {
		operations = append([]string{fmt.Sprint(e.(object)["operation"], " ", e.(object)["result"])}, operations...)
	}
	want := []string{
		"CreateWebhook ok", "TestWebhook ok", "ReplayDeadLetters ResourceNotFoundException", "ReplayDeadLetters ok", "ReplayDeadLetters ok",
		"ReplayEvents ok", "RotateWebhookSecret ok", "UpdateWebhook ok", "DeleteWebhook ok",
	}
	if strings.Join(operations, "\n") != strings.Join(want, "\n") {
		t.Errorf("the audit log:\n%s", strings.Join(operations, "\n"))
	}
	first := entries[len(entries)-1].(object)
	if fmt.Sprint(first["resources"]) != fmt.Sprintf("[%v]", made["arn"]) || first["source"] != "127.0.0.1" {
		t.Errorf("its first entry: %v", first)
	}
	text, err := json.Marshal(entries)
	check(t, err)
	if bytes.Contains(text, []byte("whsec_")) || bytes.Contains(text, []byte(url)) {
		t.Errorf("the audit log tells a secret or a URL: %s", text)
	}
}

func TestListsComeInPagesNewestFirst(t *testing.T) {
	s := start(t)
	for i := range 5 {
		s.call(t, 201, "POST", "webhooks", fmt.Sprintf(`{"url":"https://example.com/%d","state":"disabled"}`, i))
		s.tell(t, i)
	}
	walk := func(path, member, field string) (got []string) {
		for token := ""; ; {
			page := s.call(t, 200, "GET", path+token, "")
			for _, item := range page[member].([]any) {
				got = append(got, fmt.Sprint(item.(object)[field]))
			}
			next, ok := page["nextToken"].(string)
			if !ok {
				return got
			}
			token = "&nextToken=" + next
		}
	}
	for name, c := range map[string]struct{ got, want string }{
		"webhooks":         {strings.Join(walk("webhooks?maxResults=2", "webhooks", "url"), " "), "https://example.com/4 https://example.com/3 https://example.com/2 https://example.com/1 https://example.com/0"},
		"events":           {strings.Join(walk("events?maxResults=2", "events", "sequence"), " "), "5 4 3 2 1"},
		"events, oldest":   {strings.Join(walk("events?maxResults=2&order=oldest&after=1&resource=arn:aws:ivs:us-east-1:000000000000:channel/c&detailType=T", "events", "number"), " "), "2 3 4 5"},
		"events of others": {strings.Join(walk("events?resource=x", "events", "number"), " "), ""},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", name, c.got, c.want)
		}
	}
	token := s.call(t, 200, "GET", "events?maxResults=2", "")["nextToken"].(string)
	s.refused(t, 400, "ValidationException", "nextToken", "GET", "events?maxResults=2&order=oldest&nextToken="+token, "")
}

func TestPoliciesHoldHere(t *testing.T) {
	s := start(t)
	mine := s.call(t, 201, "POST", "webhooks", `{"url":"https://example.com/","state":"disabled"}`)["arn"].(string)
	other := s.call(t, 201, "POST", "webhooks", `{"url":"https://example.com/","state":"disabled"}`)["arn"].(string)
	policy, err := auth.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"streamcat:GetWebhook","Resource":"` + mine + `"},
		{"Effect":"Allow","Action":"streamcat:List*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}},
		{"Effect":"Deny","Action":"streamcat:ListAuditEntries","Resource":"*"}]}`))
	check(t, err)
	s.keys["limited"] = policy
	for path, want := range map[string]int{
		"webhooks": 200, "webhooks/" + arn.ID(mine): 200, "webhooks/" + arn.ID(other): 403, "webhooks/unknown": 403, "audit": 403, "events": 200, "features": 403,
	} {
		status, out := s.as(t, "limited", "streamcat", "GET", "/engine/v1/"+path, "")
		if status != want || status == 403 && out["code"] != "AccessDeniedException" {
			t.Errorf("%s: %d %v", path, status, out)
		}
	}
	status, out := s.as(t, "limited", "streamcat", "DELETE", "/engine/v1/webhooks/"+arn.ID(mine), "")
	if message, _ := out["message"].(string); status != 403 || !strings.Contains(message, "streamcat:DeleteWebhook on resource: "+mine) {
		t.Errorf("%d %v", status, out)
	}
	s.call(t, 200, "GET", "webhooks/"+arn.ID(mine), "") // still there
}

type noAudit struct{}

func (noAudit) Record(context.Context, store.AuditEntry) error { return errors.New("the disk is full") }

func TestACallThatCannotBeWrittenDownIsAnsweredAndCounted(t *testing.T) {
	s := start(t)
	reg := prometheus.NewRegistry()
	h := httptest.NewServer(plus.NewService(plus.Deps{
		DB: s.db, Webhooks: s.webhooks, Minter: arn.Minter{Region: "us-east-1", Account: "000000000000"},
		Verifier: &auth.SigV4{Region: "us-east-1", Services: []string{plus.SigningName}, Secrets: s.keys},
		Audit:    noAudit{}, Log: slog.New(slog.DiscardHandler), Registerer: reg,
	}))
	t.Cleanup(h.Close)
	s.url = h.URL
	s.call(t, 201, "POST", "webhooks", `{"url":"https://example.com/","state":"disabled"}`)
	s.call(t, 200, "GET", "webhooks", "")
	families, err := reg.Gather()
	check(t, err)
	if len(families) != 1 || families[0].GetName() != "streamcat_api_audit_failures_total" || families[0].GetMetric()[0].GetCounter().GetValue() != 1 {
		t.Errorf("counted %v", families)
	}
}
