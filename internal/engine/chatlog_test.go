package engine_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// logs gives the lines of all objects of a bucket in a data directory, by the objects' keys.
func logs(t *testing.T, dir, bucket string) map[string][]string {
	t.Helper()
	root := filepath.Join(dir, "blobs", bucket)
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		key, _ := filepath.Rel(root, path)
		found[key] = strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestChatLogsReadBackEqualWhatClientsSaw(t *testing.T) {
	dir := t.TempDir()
	e := enginetest.Start(t, enginetest.DataDir(dir))
	chat := ivschat.NewFromConfig(e.AWS())
	ctx := t.Context()
	var names []string
	buckets := []string{"first", "second", "third"}
	for _, bucket := range buckets {
		made, err := chat.CreateLoggingConfiguration(ctx, &ivschat.CreateLoggingConfigurationInput{
			DestinationConfiguration: &types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String(bucket)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, *made.Arn)
	}
	room, err := chat.CreateRoom(ctx, &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: names})
	if err != nil {
		t.Fatal(err)
	}
	token, err := chat.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
		RoomIdentifier: room.Arn, UserId: aws.String("ann"), Attributes: map[string]string{"color": "red"},
		Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage, types.ChatTokenCapabilityDeleteMessage},
	})
	if err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(e.URL, "http"), &websocket.DialOptions{Subprotocols: []string{*token.Token}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	var heard []string
	hear := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		_, text, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, string(text))
	}
	for _, request := range []string{
		`{"Action":"SEND_MESSAGE","RequestId":"r1","Content":"héllo <b> \u2028 \n 🐈","Attributes":{"a":"\"&"}}`,
		`{"Action":"DELETE_MESSAGE","RequestId":"r2","Id":"AbCdEfGh1234","Reason":"spam"}`,
	} {
		if err := ws.Write(ctx, websocket.MessageText, []byte(request)); err != nil {
			t.Fatal(err)
		}
		hear()
	}
	if _, err := chat.SendEvent(ctx, &ivschat.SendEventInput{RoomIdentifier: room.Arn, EventName: aws.String("app:goal"), Attributes: map[string]string{"by": "7"}}); err != nil {
		t.Fatal(err)
	}
	hear()
	// One of the configurations is taken away and deleted with records that are not delivered yet.
	if _, err := chat.UpdateRoom(ctx, &ivschat.UpdateRoomInput{Identifier: room.Arn, LoggingConfigurationIdentifiers: names[:2]}); err != nil {
		t.Fatal(err)
	}
	if _, err := chat.DeleteLoggingConfiguration(ctx, &ivschat.DeleteLoggingConfigurationInput{Identifier: &names[0]}); code(err) != "ConflictException" {
		t.Errorf("deleting one in use: %v", err)
	}
	e.Stop()

	for _, bucket := range buckets {
		objects := logs(t, dir, bucket)
		if len(objects) != 1 {
			t.Fatalf("%s has %d objects", bucket, len(objects))
		}
		for key, lines := range objects {
			if !strings.HasPrefix(key, "AWSLogs/000000000000/IVSChatLogs/1.0/us-east-1/room_"+*room.Id+"/") {
				t.Errorf("key %s", key)
			}
			var logged []string
			for i, line := range lines {
				var r struct {
					At      time.Time `json:"event_timestamp"`
					Type    string
					Version string
					Payload json.RawMessage
				}
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				var frame struct {
					Type     string
					SendTime time.Time
				}
				if err := json.Unmarshal(r.Payload, &frame); err != nil {
					t.Fatal(err)
				}
				if want := []string{"MESSAGE", "EVENT", "EVENT"}[i]; r.Type != want || frame.Type != want || r.Version != "1.0" || !r.At.Equal(frame.SendTime) {
					t.Errorf("line %s", line)
				}
				logged = append(logged, string(r.Payload))
			}
			if d := cmp.Diff(heard, logged); d != "" {
				t.Errorf("%s: %s", bucket, d)
			}
		}
	}
}

func TestChatLogsGoToWhereTheSettingsLead(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE000000000")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	store := s3mem.New()
	if err := store.CreateBucket("talk"); err != nil {
		t.Fatal(err)
	}
	objects := gofakes3.New(store, gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	var (
		mu  sync.Mutex
		got = map[string]string{}
	)
	note := func(what string, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[what] += string(body)
	}
	amazon := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE000000000/") {
			t.Errorf("%s %s is signed as %q", r.Method, r.URL, r.Header.Get("Authorization"))
		}
		if target := r.Header.Get("X-Amz-Target"); target != "" {
			note(target, r)
			_, _ = w.Write([]byte(`{}`))
			return
		}
		objects.ServeHTTP(w, r)
	}))
	defer amazon.Close()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note("POST "+r.URL.Path, r) }))
	defer receiver.Close()

	e := enginetest.Start(t, func(c *engine.Config) {
		c.ChatLogs, c.ChatLogEndpoint, c.ChatLogStreams = "aws", amazon.URL, "audit="+receiver.URL+"/in"
	})
	chat := ivschat.NewFromConfig(e.AWS())
	var names []string
	for _, to := range []types.DestinationConfiguration{
		&types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String("talk")}},
		&types.DestinationConfigurationMemberCloudWatchLogs{Value: types.CloudWatchLogsDestinationConfiguration{LogGroupName: aws.String("talk")}},
		&types.DestinationConfigurationMemberFirehose{Value: types.FirehoseDestinationConfiguration{DeliveryStreamName: aws.String("audit")}},
	} {
		made, err := chat.CreateLoggingConfiguration(t.Context(), &ivschat.CreateLoggingConfigurationInput{DestinationConfiguration: to})
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, *made.Arn)
	}
	room, err := chat.CreateRoom(t.Context(), &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: names})
	if err != nil {
		t.Fatal(err)
	}
	sent, err := chat.SendEvent(t.Context(), &ivschat.SendEventInput{RoomIdentifier: room.Arn, EventName: aws.String("app:goal")})
	if err != nil {
		t.Fatal(err)
	}
	e.Stop()

	list, err := store.ListBucket("talk", nil, gofakes3.ListBucketPage{})
	if err != nil || len(list.Contents) != 1 || !strings.HasPrefix(list.Contents[0].Key, "AWSLogs/000000000000/IVSChatLogs/1.0/us-east-1/room_"+*room.Id+"/") {
		t.Errorf("the bucket: %+v, %v", list, err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, what := range []string{"Logs_20140328.PutLogEvents", "POST /in"} {
		if strings.Count(got[what], *sent.Id) != 1 {
			t.Errorf("%s was told %q", what, got[what])
		}
	}
	if len(got) != 2 {
		t.Errorf("calls: %q", got)
	}
}
