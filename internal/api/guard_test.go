package api_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	redRoom  = "arn:aws:ivschat:us-east-1:000000000000:room/AAAAAAAAAAAA"
	blueRoom = "arn:aws:ivschat:us-east-1:000000000000:room/BBBBBBBBBBBB"
	noRoom   = "arn:aws:ivschat:us-east-1:000000000000:room/CCCCCCCCCCCC"
)

// tags are those of some resources; asked counts the questions.
type tags struct {
	of    map[string]map[string]string
	asked []string
}

func (t *tags) Tags(_ context.Context, names ...string) (map[string]map[string]string, error) {
	t.asked = append(t.asked, names...)
	out := map[string]map[string]string{}
	for _, name := range names {
		out[name] = t.of[name]
	}
	return out, nil
}

// limited gives the dependencies of a mux whose only key has a policy of these statements.
func limited(t *testing.T, statements string) func(*api.Deps) {
	p, err := auth.ParsePolicy([]byte(`{"Version":"2012-10-17","Statement":[` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(d *api.Deps) {
		d.Verifier.Secrets = secrets{p}
		d.Tags = &tags{of: map[string]map[string]string{redRoom: {"team": "red"}, blueRoom: {"team": "blue"}}}
	}
}

func TestPoliciesAreAskedBeforeShapesAreChecked(t *testing.T) {
	const denied = "AccessDeniedException"
	tagPath := func(name string) string { return "/tags/" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(name) }
	red := `{"Effect":"Allow","Action":"ivschat:Tags*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}}`
	for _, c := range []struct {
		name, statements           string
		method, path, body, signed string
		from                       string
		want, says                 string
	}{
		{"allowed", `{"Effect":"Allow","Action":"ivs:Echo","Resource":"arn:aws:ivs:us-east-1:000000000000:channel/*"}`, "POST", "/Echo", `{"say":"a"}`, "ivs", "", "", ""},
		{"allowed, and then the shape is wrong", `{"Effect":"Allow","Action":"ivs:Echo","Resource":"*"}`, "POST", "/Echo", `{"say":"much too long"}`, "ivs", "", "ValidationException", ""},
		{"denied, whatever the shape", `{"Effect":"Allow","Action":"ivs:Other","Resource":"*"}`, "POST", "/Echo", `{"say":"much too long"}`, "ivs", "", denied, "because no identity-based policy allows the ivs:Echo action"},
		{"what cannot be read has nothing to be judged", `{"Effect":"Allow","Action":"ivs:Other","Resource":"*"}`, "POST", "/Echo", `{"say":1}`, "ivs", "", "SerializationException", ""},
		{"where nothing is named it is all of a kind", `{"Effect":"Allow","Action":"ivs:Echo","Resource":"arn:aws:ivs:us-east-1:000000000000:stage/*"}`, "POST", "/Echo", `{}`, "ivs", "", denied, "on resource: arn:aws:ivs:us-east-1:000000000000:channel/*"},
		{"real time has the prefix ivs", `{"Effect":"Allow","Action":"ivs:EchoStage","Resource":"*"}`, "POST", "/EchoStage", `{}`, "ivs", "", "", ""},
		{"chat has its own prefix", `{"Effect":"Allow","Action":"ivs:*","Resource":"*"}`, "POST", "/EchoRoom", `{}`, "ivschat", "", denied, "ivschat:EchoRoom"},
		{"explicit deny", `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ivs:Echo","Resource":"*"}`, "POST", "/Echo", `{}`, "ivs", "", denied, "with an explicit deny in an identity-based policy"},
		{"the resource's tag", red, "GET", tagPath(redRoom), ``, "ivschat", "", "", ""},
		{"another tag", red, "GET", tagPath(blueRoom), ``, "ivschat", "", denied, blueRoom},
		{"a resource that is not there looks like one that is not allowed", red, "GET", tagPath(noRoom), ``, "ivschat", "", denied, noRoom},
		{"another service's resource has no tags", strings.Replace(red, "ivschat", "ivs", 1), "GET", tagPath(redRoom), ``, "ivs", "", denied, redRoom},
		{"no name is not repeated", red, "GET", "/tags/sk_secret", ``, "ivschat", "", denied, "on resource: * because"},
		{"the request's tag", `{"Effect":"Allow","Action":"ivschat:Tags*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"b"}}}`, "POST", tagPath(noRoom), `{"tags":{"a":"b"}}`, "ivschat", "", "", ""},
		{"another tag in the request", `{"Effect":"Allow","Action":"ivschat:Tags*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"b"}}}`, "POST", tagPath(noRoom), `{"tags":{"a":"c"}}`, "ivschat", "", denied, ""},
		{"the address", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`, "POST", "/Echo", `{}`, "ivs", "192.0.2.9:1000", "", ""},
		{"another address", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`, "POST", "/Echo", `{}`, "ivs", "198.51.100.9:1000", denied, ""},
		{"no address", `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`, "POST", "/Echo", `{}`, "ivs", "-", denied, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(limited(t, c.statements))
			got := w.do(request(t, c.method, c.path, c.body, c.signed, func(r *http.Request) {
				if c.from != "" {
					r.RemoteAddr = c.from
				}
			}))
			if got.Header().Get("x-amzn-ErrorType") != c.want || !strings.Contains(got.Body.String(), c.says) || strings.Contains(got.Body.String(), "secret") {
				t.Errorf("got %d %s %s", got.Code, got.Header().Get("x-amzn-ErrorType"), got.Body)
			}
			if c.want == denied && got.Code != 403 {
				t.Errorf("status %d", got.Code)
			}
		})
	}
}

func TestTagsAreLookedUpOnlyIfThePolicyAsks(t *testing.T) {
	known := &tags{}
	w := newWorld(limited(t, `{"Effect":"Allow","Action":"*","Resource":"*"}`), func(d *api.Deps) { d.Tags = known })
	if got := w.do(request(t, "GET", "/tags/"+strings.ReplaceAll(redRoom, "/", "%2F"), ``, "ivschat", nil)); got.Code != 200 || known.asked != nil {
		t.Errorf("%d, asked for %v", got.Code, known.asked)
	}
}

func openStore(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestCallsThatChangeSomethingAreInTheAuditLogBeforeTheirAnswer(t *testing.T) {
	db := openStore(t)
	w := newWorld(limited(t, `{"Effect":"Deny","Action":"*","Resource":"`+blueRoom+`"},{"Effect":"Allow","Action":"*","Resource":"*"}`),
		func(d *api.Deps) { d.Audit = store.NewAuditLog(db) })
	w.Handle(api.IVSChat, api.Op(api.Endpoint{Name: "Look", Method: "POST", Path: "/Look", Status: 200, ReadOnly: true}, echo))
	w.Handle(api.IVSChat, api.Op(api.Endpoint{Name: "Make", Method: "POST", Path: "/Make", Status: 200}, func(context.Context, *echoIn) (*madeOut, error) {
		return &madeOut{}, nil
	}))
	at := func(name string) string { return "/tags/" + strings.ReplaceAll(name, "/", "%2F") }
	var want []store.AuditEntry
	call := func(method, path, body, signed, from, operation, result string, resources ...string) {
		t.Helper()
		rec := httptest.NewRecorder()
		r := request(t, method, path, body, signed, func(r *http.Request) { r.RemoteAddr = from })
		w.ServeHTTP(checked{rec, func() {
			if operation == "" {
				return
			}
			source, _, _ := strings.Cut(from, ":")
			e := store.AuditEntry{
				ID: rec.Header().Get("x-amzn-RequestId"), Time: now, AccessKeyID: accessKeyID, Source: source, Service: "ivschat",
				Operation: operation, Result: result, Resources: append([]string{}, resources...),
			}
			found, _, err := db.AuditEntries(t.Context(), store.AuditFilter{}, 100, nil)
			if err != nil || !slices.ContainsFunc(found, func(f store.AuditEntry) bool { return f.ID == e.ID }) {
				t.Errorf("%s was answered before it was written down: %v", operation, err)
			}
			want = append(want, e)
		}}, r)
	}
	call("POST", at(redRoom), `{"tags":{"password":"hunter2"}}`, "ivschat", "192.0.2.1:99", "TagsPOST", "ok", redRoom)
	call("POST", at(blueRoom), `{"tags":{"password":"hunter2"}}`, "ivschat", "192.0.2.1:99", "TagsPOST", "AccessDeniedException", blueRoom)
	call("POST", at("sk_hunter2"), `{}`, "ivschat", "", "TagsPOST", "ok")
	call("POST", "/EchoRoom", `{"say":"hunter2"}`, "ivschat", "", "EchoRoom", "ValidationException")
	call("POST", "/EchoRoom", `{"fail":"panic"}`, "ivschat", "", "EchoRoom", "InternalServerException")
	call("POST", "/EchoRoom", `{"say":`, "ivschat", "", "EchoRoom", "SerializationException")
	call("POST", "/Make", `{}`, "ivschat", "", "Make", "ok", redRoom)
	call("POST", "/Look", `{}`, "ivschat", "", "", "")    // changes nothing
	call("POST", "/Nothing", `{}`, "ivschat", "", "", "") // is no operation
	call("POST", "/EchoRoom", `{}`, "ivs", "", "", "")    // is signed for another service
	bad := request(t, "POST", "/EchoRoom", `{}`, "ivschat", func(r *http.Request) { r.Header.Set("X-Amz-Date", "20200101T000000Z") })
	w.do(bad) // is nobody's

	got, _, err := db.AuditEntries(t.Context(), store.AuditFilter{}, 100, nil)
	byID := cmpopts.SortSlices(func(a, b store.AuditEntry) bool { return a.ID < b.ID })
	if diff := cmp.Diff(want, got, byID); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

type madeOut struct{}

func (*madeOut) Made() []string { return []string{redRoom} }

// checked calls a function before the answer's head goes out.
type checked struct {
	http.ResponseWriter
	before func()
}

func (c checked) WriteHeader(status int) {
	c.before()
	c.ResponseWriter.WriteHeader(status)
}

type noAudit struct{}

func (noAudit) Record(context.Context, store.AuditEntry) error { return errors.New("the disk is full") }

func TestACallThatCannotBeWrittenDownIsAnsweredCountedAndLogged(t *testing.T) {
	w := newWorld(func(d *api.Deps) { d.Audit = noAudit{} })
	if got := w.do(request(t, "POST", "/Echo", `{}`, "ivs", nil)); got.Code != 200 {
		t.Errorf("got %d", got.Code)
	}
	if !strings.Contains(w.log.String(), "missing in the audit log") || !strings.Contains(w.log.String(), "the disk is full") {
		t.Errorf("log: %s", &w.log)
	}
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "streamcat_api_audit_failures_total" && f.GetMetric()[0].GetCounter().GetValue() == 1 {
			return
		}
	}
	t.Error("it was not counted")
}

func TestCallsAreHeldToThePublishedRates(t *testing.T) {
	clock := now
	w := newWorld(func(d *api.Deps) { d.Rates, d.Now = true, func() time.Time { return clock } })
	calls := func(path, body, signed string) (good int) {
		t.Helper()
		for range 400 {
			switch got := w.do(request(t, "POST", path, body, signed, nil)); {
			case got.Code == 200:
				good++
			case got.Code != 429 || got.Header().Get("x-amzn-ErrorType") != "ThrottlingException":
				t.Fatalf("%s: %d %s", path, got.Code, got.Body)
			}
		}
		return good
	}
	for _, c := range []struct {
		service   api.Service
		operation string
		rate      int
	}{
		{api.IVS, "CreateChannel", 5},
		{api.IVS, "ImportPlaybackKeyPair", 3},
		{api.IVS, "StartViewerSessionRevocation", 10},
		{api.IVS, "BatchStartViewerSessionRevocation", 2},
		{api.IVS, "ListRecordingConfigurations", 3},
		{api.IVS, "CreateAdConfiguration", 5},
		{api.IVS, "PutMetadata", 155},
		{api.IVSRealTime, "CreateParticipantToken", 50},
		{api.IVSRealTime, "GetPublicKey", 3},
		{api.IVSRealTime, "StartParticipantReplication", 5},
		{api.IVSChat, "CreateChatToken", 200},
		{api.IVS, "CreateStreamKey", 5},
		{api.IVS, "UpdatePlaybackRestrictionPolicy", 5},
		{api.IVS, "StopStream", 5},
		{api.IVS, "TagResource", 10},
		{api.IVSRealTime, "UntagResource", 10},
		{api.IVSRealTime, "DisconnectParticipant", 5},
		{api.IVSChat, "ListTagsForResource", 10},
		{api.IVSChat, "SendEvent", 100},
		{api.IVSChat, "DeleteMessage", 100},
		{api.IVSChat, "DisconnectUser", 100},
		{api.IVSChat, "UpdateRoom", 5},
		{api.IVSChat, "CreateLoggingConfiguration", 3},
	} {
		w.Handle(c.service, api.Op(api.Endpoint{Name: c.operation, Method: "POST", Path: "/" + c.operation, Status: 200}, echo))
		if got := calls("/"+c.operation, `{}`, c.service.SigningName); got != c.rate {
			t.Errorf("%s: %d calls went through at once, want %d", c.operation, got, c.rate)
		}
	}
	clock = clock.Add(500 * time.Millisecond)
	if got := calls("/CreateParticipantToken", `{}`, "ivs"); got != 25 {
		t.Errorf("half a second later %d calls went through", got)
	}
	clock = clock.Add(time.Minute)
	if got := calls("/CreateParticipantToken", `{}`, "ivs"); got != 50 {
		t.Errorf("a minute later %d calls went through", got)
	}
	if got := calls("/CreateParticipantToken", `{`, "ivs"); got != 0 { // the rate is asked before the body is read
		t.Errorf("%d went through", got)
	}
}

// metadataIn names a channel, as PutMetadata does.
type metadataIn struct {
	ChannelArn string `json:"channelArn"`
}

func (*metadataIn) Validate() error       { return nil }
func (in *metadataIn) Access() api.Access { return api.Access{Resources: []string{in.ChannelArn}} }

func TestMetadataHasARatePerChannel(t *testing.T) {
	w := newWorld(func(d *api.Deps) { d.Rates = true })
	w.Handle(api.IVS, api.Op(api.Endpoint{Name: "PutMetadata", Method: "POST", Path: "/PutMetadata", Status: 200},
		func(context.Context, *metadataIn) (*echoOut, error) { return &echoOut{}, nil }))
	good := map[string]int{}
	for range 8 {
		for _, name := range []string{redRoom, blueRoom, "no name"} {
			if w.do(request(t, "POST", "/PutMetadata", `{"channelArn":"`+name+`"}`, "ivs", nil)).Code == 200 {
				good[name]++
			}
		}
	}
	if good[redRoom] != 5 || good[blueRoom] != 5 || good["no name"] != 8 {
		t.Errorf("got %v", good)
	}
}

func TestCallsFromWithinAreNotHeldToTheRates(t *testing.T) {
	w := newWorld(func(d *api.Deps) { d.Rates = true })
	w.Handle(api.IVS, api.Op(api.Endpoint{Name: "PutMetadata", Method: "POST", Path: "/PutMetadata", Status: 200},
		func(context.Context, *metadataIn) (*echoOut, error) { return &echoOut{}, nil }))
	within := func(r *http.Request) { r.RemoteAddr = "" }
	for range 50 {
		if got := w.do(request(t, "POST", "/Echo", `{}`, "ivs", within)); got.Code != 200 {
			t.Fatal(got.Code)
		}
		if got := w.do(request(t, "POST", "/PutMetadata", `{"channelArn":"`+redRoom+`"}`, "ivs", within)); got.Code != 200 {
			t.Fatal(got.Code)
		}
	}
	if got := w.do(request(t, "POST", "/Echo", `{}`, "ivs", nil)); got.Code != 200 {
		t.Errorf("they took from what others may: %d", got.Code)
	}
}

func TestWithoutQuotasNothingIsThrottled(t *testing.T) {
	w := newWorld()
	for range 50 {
		if got := w.do(request(t, "POST", "/Echo", `{}`, "ivs", nil)); got.Code != 200 {
			t.Fatal(got.Code)
		}
	}
}

// usingIn makes a channel and names what the channel is to make use of.
type usingIn struct {
	Uses []string `json:"uses"`
}

func (*usingIn) Validate() error       { return nil }
func (in *usingIn) Access() api.Access { return api.Access{Kind: "room", Uses: in.Uses} }

func TestWhatIsMadeUseOfMustBeAllowedAndIsInTheAuditLog(t *testing.T) {
	db := openStore(t)
	w := newWorld(limited(t, `{"Effect":"Allow","Action":"*","Resource":["arn:aws:ivschat:*:*:room/*"],"Condition":{"StringNotEquals":{"aws:ResourceTag/team":"blue"}}}`),
		func(d *api.Deps) { d.Audit = store.NewAuditLog(db) })
	w.Handle(api.IVSChat, api.Op(api.Endpoint{Name: "Use", Method: "POST", Path: "/Use", Status: 200},
		func(context.Context, *usingIn) (*echoOut, error) { return &echoOut{}, nil }))
	for body, want := range map[string]int{
		`{}`:                               200,
		`{"uses":["` + redRoom + `",""]}`:  200, // an empty name is none
		`{"uses":["` + redRoom + `","x"]}`: 403,
		`{"uses":["","` + blueRoom + `"]}`: 403,
		`{"uses":["` + strings.Repeat(redRoom+`","`, 100) + redRoom + `"]}`: 400,
	} {
		if got := w.do(request(t, "POST", "/Use", body, "ivschat", nil)); got.Code != want {
			t.Errorf("%.90s: %d %s", body, got.Code, got.Body)
		}
	}
	got, _, err := db.AuditEntries(t.Context(), store.AuditFilter{Resource: blueRoom}, 10, nil)
	if err != nil || len(got) != 1 || got[0].Result != "AccessDeniedException" {
		t.Errorf("%+v, %v", got, err)
	}
}
