package chatlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/hook"
)

const keyID, secretKey = "AKIDEXAMPLE000000000", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func awsConfig() aws.Config {
	return aws.Config{Region: "us-east-1", Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}, nil
	})}
}

// secrets is the one key that endpoints know.
type secrets struct{}

func (secrets) Secret(_ context.Context, id string) (string, auth.Principal, error) {
	if id != keyID {
		return "", auth.Principal{}, errors.New("no such key")
	}
	return secretKey, auth.Principal{}, nil
}

// amazon is a service that speaks JSON 1.1 and verifies signatures. What it answers is the test's.
type amazon struct {
	t      testing.TB
	answer func(operation string, body []byte) (status int, out any)
	verify *auth.SigV4
	url    string

	mu    sync.Mutex
	calls []string
}

func newAmazon(t testing.TB, service string, answer func(string, []byte) (int, any)) *amazon {
	a := &amazon{t: t, answer: answer, verify: &auth.SigV4{Region: "us-east-1", Services: []string{service}, Secrets: secrets{}}}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	a.url = srv.URL
	return a
}

func (a *amazon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		_, err = a.verify.Verify(r, body)
	}
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-amz-json-1.1" {
		a.t.Errorf("%s %s %v: %v", r.Method, r.URL, r.Header, err)
	}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	a.mu.Lock()
	a.calls = append(a.calls, operation)
	status, out := a.answer(operation, body)
	a.mu.Unlock()
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out)
}

func refused(code string) (int, any) {
	return http.StatusBadRequest, map[string]string{"__type": "com.amazonaws." + code + "#" + code, "message": "no"}
}

// put is one PutLogEvents.
type put struct {
	Group  string `json:"logGroupName"`
	Stream string `json:"logStreamName"`
	Events []struct {
		Timestamp int64
		Message   string
	} `json:"logEvents"`
}

func TestLogGroupGetsRecordsInAStreamForTheRoom(t *testing.T) {
	made := false
	var puts []put
	logs := newAmazon(t, "logs", func(operation string, body []byte) (int, any) {
		var p put
		if err := json.Unmarshal(body, &p); err != nil || p.Group != "/chat/logs" || p.Stream != "aws/IVSChatLogs/1.0/room_AbCdEfGhIjKl" {
			t.Errorf("%v in %s", err, body)
		}
		switch {
		case operation == "CreateLogStream":
			made = true
			return 200, nil
		case !made:
			return refused("ResourceNotFoundException")
		}
		puts = append(puts, p)
		return 200, map[string]any{}
	})
	j := newJournal(t, func(d *Deps) { d.Groups = NewGroups(awsConfig(), logs.url) })
	name := j.to.put("a", Destination{LogGroup: "/chat/logs"})
	j.Record(roomARN, []string{name}, "MESSAGE", noon.Add(time.Second), message(1))
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(0)) // of another connection, a little late
	j.flush()
	logs.mu.Lock()
	defer logs.mu.Unlock()
	if d := cmp.Diff([]string{"PutLogEvents", "CreateLogStream", "PutLogEvents"}, logs.calls); d != "" {
		t.Error(d)
	}
	if len(puts) != 1 || len(puts[0].Events) != 2 {
		t.Fatalf("got %+v", puts)
	}
	for i, e := range puts[0].Events {
		if at := noon.Add(time.Duration(i) * time.Second); e.Message != recordOf(i, at) || e.Timestamp != at.UnixMilli() {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if got := j.metric("delivered_total", "cloudWatchLogs"); got != 2 {
		t.Errorf("%v delivered", got)
	}
}

func TestCallsToALogGroupKeepItsLimits(t *testing.T) {
	records := func(n, size int, apart time.Duration) (all []record) {
		for i := range n {
			all = append(all, record{index: i, received: noon.Add(time.Duration(i) * apart), json: []byte(strings.Repeat("x", size))})
		}
		return all
	}
	for _, c := range []struct {
		name    string
		records []record
		want    []int
	}{
		{"at most 10,000 events", records(20_001, 1, 0), []int{10_000, 10_000, 1}},
		{"at most 1 MiB with 26 bytes each", records(33, 65536-26, 0), []int{16, 16, 1}},
		{"less than 24 hours", records(4, 1, 12*time.Hour), []int{2, 2}},
	} {
		var got []int
		for left := c.records; len(left) > 0; {
			n := fitting(left)
			got = append(got, n)
			left = left[n:]
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: calls of %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhatALogGroupRejectsIsCounted(t *testing.T) {
	logs := newAmazon(t, "logs", func(string, []byte) (int, any) {
		return 200, map[string]any{"rejectedLogEventsInfo": map[string]int{"tooOldLogEventEndIndex": 2, "expiredLogEventEndIndex": 1, "tooNewLogEventStartIndex": 4}}
	})
	j := newJournal(t, func(d *Deps) { d.Groups = NewGroups(awsConfig(), logs.url) })
	name := j.to.put("a", Destination{LogGroup: "g"})
	for n := range 5 {
		j.Record(roomARN, []string{name}, "MESSAGE", noon, message(n))
	}
	j.flush()
	if d, r := j.metric("delivered_total", ""), j.metric("dropped_total", "rejected"); d != 2 || r != 3 {
		t.Errorf("%v delivered, %v rejected", d, r)
	}
}

func TestErrorsOfDestinationsAreToldApart(t *testing.T) {
	for code, kind := range map[string]string{"AccessDeniedException": "access_denied", "ResourceNotFoundException": "not_found", "ServiceUnavailableException": "other"} {
		firehose := newAmazon(t, "firehose", func(string, []byte) (int, any) { return refused(code) })
		config := awsConfig()
		streams, err := NewStreams(StreamsDeps{AWS: &config, Endpoint: firehose.url})
		if err != nil {
			t.Fatal(err)
		}
		j := newJournal(t, func(d *Deps) { d.Streams = streams })
		name := j.to.put("a", Destination{Stream: "s"})
		j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
		if err := j.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), code) {
			t.Errorf("%s: got %v", code, err)
		}
		if got := j.metric("errors_total", kind); got != 1 {
			t.Errorf("%s is not counted as %s", code, kind)
		}
	}
}

// firehose is a delivery stream that does not take the records which refuse names, once.
type firehose struct {
	*amazon
	refuse map[int]bool // numbers of records, as message gives them
	taken  []string
	sizes  []int
}

func newFirehose(t testing.TB, refuse ...int) (*firehose, *Streams) {
	f := &firehose{refuse: map[int]bool{}}
	for _, n := range refuse {
		f.refuse[n] = true
	}
	f.amazon = newAmazon(t, "firehose", func(operation string, body []byte) (int, any) {
		var in struct {
			DeliveryStreamName string
			Records            []struct{ Data []byte }
		}
		if err := json.Unmarshal(body, &in); err != nil || operation != "PutRecordBatch" || in.DeliveryStreamName != "chats" {
			t.Errorf("%s %v in %s", operation, err, body)
		}
		f.sizes = append(f.sizes, len(in.Records))
		failed, answers := 0, make([]map[string]string, len(in.Records))
		for i, r := range in.Records {
			var n int
			_, text, _ := strings.Cut(string(r.Data), `"Content":"<`)
			if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
				t.Errorf("%v in %s", err, r.Data)
			}
			if f.refuse[n] {
				delete(f.refuse, n)
				failed++
				answers[i] = map[string]string{"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"}
				continue
			}
			answers[i] = map[string]string{"RecordId": "r"}
			f.taken = append(f.taken, string(r.Data))
		}
		return 200, map[string]any{"FailedPutCount": failed, "RequestResponses": answers}
	})
	config := awsConfig()
	streams, err := NewStreams(StreamsDeps{AWS: &config, Endpoint: f.url})
	if err != nil {
		t.Fatal(err)
	}
	return f, streams
}

func TestFirehoseGetsAgainOnlyWhatItDidNotTake(t *testing.T) {
	f, streams := newFirehose(t, 1, 3, 4, 600)
	dir := t.TempDir()
	to, at := &destinations{to: map[string]Destination{}}, &shelf{objects: map[string][]byte{}}
	using := func(d *Deps) { d.Streams = streams }
	j := openJournal(t, dir, to, at, using)
	name := to.put("a", Destination{Stream: "chats"})
	const all = 1001
	var want []string
	for n := range all {
		j.Record(roomARN, []string{name}, "MESSAGE", noon, message(n))
		want = append(want, recordOf(n, noon))
	}
	if err := j.Flush(t.Context()); err == nil {
		t.Error("records were refused, and there is no error")
	}
	j.crash() // which must not make anything come twice
	j = openJournal(t, dir, to, at, using)
	if err := j.Flush(t.Context()); err == nil {
		t.Error("a record was refused, and there is no error")
	}
	j.flush()
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.taken)
	slices.Sort(want)
	if d := cmp.Diff(want, f.taken); d != "" {
		t.Error(d)
	}
	// 500 with three refused; those three and 497 more, of which one is refused; that one and the last 4.
	if d := cmp.Diff([]int{500, 500, 5}, f.sizes); d != "" {
		t.Error(d)
	}
	if left, _ := filepath.Glob(filepath.Join(j.Dir, "a", "*.*.*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestStreamThatIsAURLIsPostedTo(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	key, err := hook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	type post struct{ id, body string }
	var (
		mu     sync.Mutex
		posts  []post
		status = 503
	)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("Webhook-Id")
		var at int64
		fmt.Sscan(r.Header.Get("Webhook-Timestamp"), &at)
		if r.Header.Get("Webhook-Signature") != hook.Sign([][]byte{key}, id, time.Unix(at, 0), body) || r.Header.Get("Content-Type") != "application/x-ndjson" || r.URL.Path != "/in" {
			t.Errorf("%s with %v", r.URL, r.Header)
		}
		mu.Lock()
		defer mu.Unlock()
		posts = append(posts, post{id, string(body)})
		w.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	streams, err := NewStreams(StreamsDeps{URLs: map[string]string{"chats": srv.URL + "/in?token=hunter2"}, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	j := newJournal(t, func(d *Deps) { d.Streams = streams })
	names := []string{j.to.put("a", Destination{Stream: "chats"})}
	j.Record(roomARN, names, "MESSAGE", noon, message(0))
	j.Record(roomARN, names, "MESSAGE", noon, message(1))
	if err := j.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
	mu.Lock()
	status = 204
	mu.Unlock()
	j.flush()
	mu.Lock()
	defer mu.Unlock()
	want := recordOf(0, noon) + "\n" + recordOf(1, noon) + "\n"
	if len(posts) != 2 || posts[0] != posts[1] || posts[1].body != want || posts[1].id == "" {
		t.Errorf("got %q", posts)
	}

	elsewhere := j.to.put("b", Destination{Stream: "unknown"})
	j.Record(roomARN, []string{elsewhere}, "MESSAGE", noon, message(2))
	if err := j.Flush(t.Context()); err == nil {
		t.Error("a stream that leads nowhere takes records")
	}
	srv.Close()
	j.Record(roomARN, names, "MESSAGE", noon, message(3))
	if err := j.Flush(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	if _, err := NewStreams(StreamsDeps{Secret: "hunter2"}); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a bad secret: %v", err)
	}
}

func TestObjectsGoToS3(t *testing.T) {
	backend := s3mem.New()
	srv := httptest.NewServer(gofakes3.New(backend, gofakes3.WithLogger(gofakes3.DiscardLog())).Server())
	t.Cleanup(srv.Close)
	j := newJournal(t, func(d *Deps) { d.Buckets = NewS3(awsConfig(), srv.URL) })
	name := j.to.put("a", Destination{Bucket: "chat-logs"})
	j.Record(roomARN, []string{name}, "MESSAGE", noon, message(1))
	if err := j.Flush(t.Context()); code(err) != "NoSuchBucket" {
		t.Errorf("without the bucket: %v", err)
	}
	if got := j.metric("errors_total", "not_found"); got != 1 {
		t.Errorf("%v counted", got)
	}
	if err := backend.CreateBucket("chat-logs"); err != nil {
		t.Fatal(err)
	}
	j.flush()
	client := s3.NewFromConfig(awsConfig(), func(o *s3.Options) { o.BaseEndpoint, o.UsePathStyle = &srv.URL, true })
	list, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("chat-logs")})
	if err != nil || len(list.Contents) != 1 {
		t.Fatalf("got %+v, %v", list, err)
	}
	o, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("chat-logs"), Key: list.Contents[0].Key})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	body, err := io.ReadAll(o.Body)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{recordOf(1, noon)}, unzip(t, body)); d != "" {
		t.Error(d)
	}
	if !strings.HasPrefix(*list.Contents[0].Key, "AWSLogs/"+account+"/IVSChatLogs/1.0/us-east-1/room_AbCdEfGhIjKl/2026/11/23/12/") || *o.ContentType != "application/gzip" {
		t.Errorf("%s of type %s", *list.Contents[0].Key, *o.ContentType)
	}
}
