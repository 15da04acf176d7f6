package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/api/apitest"
	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// refusal is a request that the server must refuse, and how the clients must see it.
type refusal struct {
	Service   string         `json:"service"`
	Operation string         `json:"operation"`
	Input     map[string]any `json:"input"`
	Exception string         `json:"exception"`
	Status    int            `json:"status"`
	Modelled  bool           `json:"modelled"`          // by the operation: it is a class, not just a code
	Says      string         `json:"says"`              // in the message
	Members   map[string]any `json:"members,omitempty"` // of the exception, in chat
	Field     string         `json:"field,omitempty"`   // that a ValidationException of chat names first

	// Whoever signs, if not root.
	AccessKeyID string `json:"accessKeyId,omitempty"`
	Secret      string `json:"secret,omitempty"`
}

// refusals makes what stands in the way of the requests, and gives them.
func refusals(t *testing.T, e *enginetest.Engine) []refusal {
	t.Helper()
	ctx, cfg := t.Context(), e.AWS()
	channels, rooms, stages := ivs.NewFromConfig(cfg), ivschat.NewFromConfig(cfg), ivsrealtime.NewFromConfig(cfg)
	channel := done[*ivs.CreateChannelOutput](t)(channels.CreateChannel(ctx, &ivs.CreateChannelInput{})).Channel.Arn
	stage := done[*ivsrealtime.CreateStageOutput](t)(stages.CreateStage(ctx, &ivsrealtime.CreateStageInput{})).Stage.Arn
	logging := done[*ivschat.CreateLoggingConfigurationOutput](t)(rooms.CreateLoggingConfiguration(ctx, &ivschat.CreateLoggingConfigurationInput{
		DestinationConfiguration: &chattypes.DestinationConfigurationMemberS3{Value: chattypes.S3DestinationConfiguration{BucketName: aws.String("logs")}},
	})).Arn
	room := done[*ivschat.CreateRoomOutput](t)(rooms.CreateRoom(ctx, &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*logging}})).Arn

	public := publicKey(t)
	done[*ivsrealtime.ImportPublicKeyOutput](t)(stages.ImportPublicKey(ctx, &ivsrealtime.ImportPublicKeyInput{PublicKeyMaterial: &public}))

	at := engine.Defaults()
	at.DataDir = e.DataDir()
	var guest, guests string // may do nothing
	if err := engine.WithKeys(ctx, at, func(k engine.Keys) error {
		key, secret, err := k.Create(ctx, "guest", json.RawMessage(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`))
		guest, guests = key.ID, secret
		return err
	}); err != nil {
		t.Fatal(err)
	}

	type in = map[string]any
	about := func(kind, name string) in {
		return in{"resourceType": kind, "resourceId": name[strings.LastIndexByte(name, '/')+1:]}
	}
	return []refusal{
		{Service: "ivs", Operation: "CreateChannel", Input: in{"type": "LARGE"}, Exception: "ValidationException", Status: 400, Modelled: true, Says: "type must be one of"},
		{Service: "ivs", Operation: "GetChannel", Input: in{"arn": missing(*channel)}, Exception: "ResourceNotFoundException", Status: 404, Modelled: true, Says: missing(*channel)},
		{Service: "ivs", Operation: "CreateStreamKey", Input: in{"channelArn": *channel}, Exception: "ServiceQuotaExceededException", Status: 402, Modelled: true, Says: "stream key"},
		{Service: "ivs", Operation: "ListChannels", Input: in{"filterByName": "a", "filterByRecordingConfigurationArn": strings.Replace(missing(*channel), "channel/", "recording-configuration/", 1)}, Exception: "ConflictException", Status: 409, Modelled: true, Says: "filter"},
		{Service: "ivs", Operation: "GetStream", Input: in{"channelArn": *channel}, Exception: "ChannelNotBroadcasting", Status: 404, Modelled: true, Says: *channel},
		{Service: "ivs", Operation: "StopStream", Input: in{"channelArn": *channel}, Exception: "ChannelNotBroadcasting", Status: 404, Modelled: true, Says: *channel},
		{Service: "ivs", Operation: "TagResource", Input: in{"resourceArn": *channel, "tags": in{"aws:x": "y"}}, Exception: "ValidationException", Status: 400, Modelled: true, Says: "tags key must not begin with aws:"},

		{Service: "ivs-realtime", Operation: "CreateParticipantToken", Input: in{"stageArn": *stage, "duration": 20161}, Exception: "ValidationException", Status: 400, Modelled: true, Says: "duration must be between 1 and 20160"},
		{Service: "ivs-realtime", Operation: "GetStage", Input: in{"arn": missing(*stage)}, Exception: "ResourceNotFoundException", Status: 404, Modelled: true, Says: missing(*stage)},
		{Service: "ivs-realtime", Operation: "ListTagsForResource", Input: in{"resourceArn": missing(*stage)}, Exception: "ResourceNotFoundException", Status: 404, Modelled: true, Says: missing(*stage)},
		{Service: "ivs-realtime", Operation: "ImportPublicKey", Input: in{"publicKeyMaterial": public}, Exception: "ConflictException", Status: 409, Modelled: true, Says: "key"},

		{
			Service: "ivschat", Operation: "CreateRoom", Input: in{"maximumMessageLength": 501}, Exception: "ValidationException", Status: 400, Modelled: true, Says: "maximumMessageLength must be between 1 and 500",
			Members: in{"reason": "FIELD_VALIDATION_FAILED"}, Field: "maximumMessageLength",
		},
		{Service: "ivschat", Operation: "GetRoom", Input: in{"identifier": abroad(*room)}, Exception: "ValidationException", Status: 400, Modelled: true, Says: "us-east-1", Members: in{"reason": "OTHER"}},
		{Service: "ivschat", Operation: "GetRoom", Input: in{"identifier": missing(*room)}, Exception: "ResourceNotFoundException", Status: 404, Modelled: true, Says: missing(*room), Members: about("ROOM", missing(*room))},
		{Service: "ivschat", Operation: "DeleteLoggingConfiguration", Input: in{"identifier": *logging}, Exception: "ConflictException", Status: 409, Modelled: true, Says: "used by a room", Members: about("LOGGING_CONFIGURATION", *logging)},
		{Service: "ivschat", Operation: "CreateChatToken", Input: in{"roomIdentifier": *room, "userId": []string{"ann"}}, Exception: "SerializationException", Status: 400, Says: "userId must be a string, not a list"},

		{Service: "ivs", Operation: "GetChannel", Input: in{"arn": *channel}, Exception: "AccessDeniedException", Status: 403, Modelled: true, Says: "ivs:GetChannel", AccessKeyID: guest, Secret: guests},
		{Service: "ivs-realtime", Operation: "GetStage", Input: in{"arn": *stage}, Exception: "AccessDeniedException", Status: 403, Modelled: true, Says: "ivs:GetStage", AccessKeyID: guest, Secret: guests},
		{Service: "ivschat", Operation: "GetRoom", Input: in{"identifier": *room}, Exception: "AccessDeniedException", Status: 403, Modelled: true, Says: "ivschat:GetRoom", AccessKeyID: guest, Secret: guests},

		{Service: "ivs", Operation: "ListChannels", Input: in{}, Exception: "UnrecognizedClientException", Status: 403, AccessKeyID: "AKIASTREAMCATNOBODY0", Secret: "nothing"},
		{Service: "ivschat", Operation: "ListRooms", Input: in{}, Exception: "UnrecognizedClientException", Status: 403, AccessKeyID: "AKIASTREAMCATNOBODY0", Secret: "nothing"},
	}
}

// done ends the test if something did not succeed.
func done[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// publicKey makes a key pair that can sign participant tokens, and gives its public half.
func publicKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestRefusalsAreTypedExceptions provokes the same refusals through three of Amazon's clients.
func TestRefusalsAreTypedExceptions(t *testing.T) {
	e := enginetest.Start(t)
	list := refusals(t, e)
	table, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, command ...string) (out string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
		cmd.Env = append(awsEnv(t, e), "NODE_NO_WARNINGS=1", "PYTHONDONTWRITEBYTECODE=1")
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(table), &stdout, &stderr
		if err := cmd.Run(); err != nil {
			t.Errorf("%v\n%s%s", err, &stdout, &stderr)
		}
		return stdout.String()
	}
	t.Run("go", func(t *testing.T) {
		for _, r := range list {
			r.judgeInGo(t, e.AWS())
		}
	})
	t.Run("node", func(t *testing.T) {
		if out := run(t, "node", "api/errors.mjs"); !strings.Contains(out, fmt.Sprintf("# pass %d\n", len(list))) {
			t.Errorf("not all were judged:\n%s", out)
		}
	})
	for _, interpreter := range botocores(t) {
		t.Run(interpreter, func(t *testing.T) {
			out := strings.TrimSpace(run(t, interpreter, "api/errors.py"))
			if unknown := strings.Split(out, "\n"); out != "" {
				if len(unknown) > len(list)/2 {
					t.Errorf("too much is unknown to it:\n%s", out)
				}
				loudly(t, "botocore of %s is too old to judge %d of %d refusals: %s", interpreter, len(unknown), len(list), strings.Join(unknown, ", "))
			}
		})
	}
}

// botocores finds the Python interpreters that have a botocore: the first on the PATH, and the system's own,
// where the command line client brings one.
func botocores(t *testing.T) (found []string) {
	t.Helper()
	const try = "try: import botocore.session\nexcept ImportError: import awscli.botocore.session"
	first, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("Python is not installed: run `make test-deps`")
	}
	for _, interpreter := range []string{first, python} {
		if len(found) > 0 && interpreter == found[0] {
			continue
		}
		if exec.CommandContext(t.Context(), interpreter, "-c", try).Run() == nil {
			found = append(found, interpreter)
		}
	}
	if len(found) == 0 {
		t.Fatal("no Python has botocore, not even the command line client's: run `make test-deps`")
	}
	return found
}

// judgeInGo sends the request with AWS's client for Go.
func (r *refusal) judgeInGo(t *testing.T, cfg aws.Config) {
	t.Helper()
	if r.Exception == "SerializationException" {
		return // its types let nobody send one
	}
	cfg.RetryMaxAttempts, cfg.HTTPClient = 1, apitest.Client()
	if r.Secret != "" {
		cfg.Credentials = credentials(r.AccessKeyID, r.Secret)
	}
	client := map[string]any{"ivs": ivs.NewFromConfig(cfg), "ivs-realtime": ivsrealtime.NewFromConfig(cfg), "ivschat": ivschat.NewFromConfig(cfg)}[r.Service]
	call := reflect.ValueOf(client).MethodByName(r.Operation)
	in := reflect.New(call.Type().In(1).Elem())
	text, err := json.Marshal(r.Input)
	if err == nil {
		err = json.Unmarshal(text, in.Interface()) // which does not mind the case of names
	}
	if err != nil {
		t.Fatal(err)
	}
	err, _ = call.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})[1].Interface().(error)
	var got smithy.APIError
	if !errors.As(err, &got) || got.ErrorCode() != r.Exception {
		t.Errorf("%s %s: got %v, want %s", r.Service, r.Operation, err, r.Exception)
		return
	}
	if !r.Modelled {
		return
	}
	if name := fmt.Sprintf("%T", got); name != "*types."+r.Exception {
		t.Errorf("%s %s: %s is a %s", r.Service, r.Operation, r.Exception, name)
		return
	}
	member := func(name string) any {
		v := reflect.ValueOf(got).Elem().FieldByName(strings.ToUpper(name[:1]) + name[1:])
		return reflect.Indirect(v).Interface()
	}
	message := "exceptionMessage"
	if r.Service == "ivschat" {
		message = "message"
	}
	if said := fmt.Sprint(member(message)); !strings.Contains(said, r.Says) {
		t.Errorf("%s %s: it says %q, want %q", r.Service, r.Operation, said, r.Says)
	}
	for name, want := range r.Members {
		if v := member(name); fmt.Sprint(v) != fmt.Sprint(want) {
			t.Errorf("%s %s: %s is %v, want %v", r.Service, r.Operation, name, v, want)
		}
	}
}
