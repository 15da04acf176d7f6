package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	chattypes "github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/smithy-go"
)

var update = flag.Bool("update", false, "rewrite golden files")

// modelled is a service of the facts with the exceptions that each of its operations lists.
type modelled struct {
	Service    string
	Operations []struct {
		Name   string
		Errors [][2]any // status, name
	}
}

func facts(t *testing.T, service string) (m modelled) {
	t.Helper()
	text, err := os.ReadFile("../../spec/" + service + ".json")
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || len(m.Operations) == 0 {
		t.Fatal(err)
	}
	return m
}

// exceptions says how a toy operation is brought to each exception.
var exceptions = map[string]string{
	"ValidationException":           `{"say":"much too long"}`,
	"AccessDeniedException":         `{"fail":"denied"}`,
	"ResourceNotFoundException":     `{"fail":"missing"}`,
	"ConflictException":             `{"fail":"conflict"}`,
	"ServiceQuotaExceededException": `{"fail":"quota"}`,
	"ThrottlingException":           `{"fail":"throttled"}`,
	"PendingVerification":           `{"fail":"pending"}`,
	"ChannelNotBroadcasting":        `{"fail":"not live"}`,
	"ServiceUnavailable":            `{"fail":"unavailable"}`,
	"StreamUnavailable":             `{"fail":"unavailable"}`,
	"InternalServerException":       `{"fail":"internal"}`,
	"SerializationException":        `{"say":5}`,
	"UnknownOperationException":     `{}`,
}

// provoke gives the answer of a service that fails with an exception.
func provoke(t *testing.T, service, exception string) *httptest.ResponseRecorder {
	t.Helper()
	path := map[string]string{"ivs": "/Echo", "ivs-realtime": "/EchoStage", "ivschat": "/EchoRoom"}[service]
	switch {
	case exception == "UnknownOperationException":
		path = "/Nothing"
	case exception == "ServiceUnavailable" && service == "ivs":
		path = "/Forget" // the other toy operation has a name of its own for it
	}
	signing := "ivs"
	if service == "ivschat" {
		signing = "ivschat"
	}
	return newWorld().do(request(t, "POST", path, exceptions[exception], signing, nil))
}

func TestBodiesOfExceptions(t *testing.T) {
	written := map[string]bool{}
	for _, service := range []string{"ivs", "ivs-realtime", "ivschat"} {
		status := map[string]int{"SerializationException": 400, "UnknownOperationException": 404, "ThrottlingException": 429}
		for _, op := range facts(t, service).Operations {
			for _, e := range op.Errors {
				status[e[1].(string)] = int(e[0].(float64))
			}
		}
		for exception, status := range status {
			name := service + "." + exception + ".json"
			written[name] = true
			t.Run(name, func(t *testing.T) {
				got := provoke(t, service, exception)
				if got.Code != status || got.Header().Get("x-amzn-ErrorType") != exception {
					t.Fatalf("got %d %s, want %d", got.Code, got.Header().Get("x-amzn-ErrorType"), status)
				}
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, got.Body.Bytes(), "", "  "); err != nil {
					t.Fatal(err)
				}
				pretty.WriteByte('\n')
				golden := filepath.Join("testdata", "errors", name)
				if *update {
					if err := os.WriteFile(golden, pretty.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if string(want) != pretty.String() {
					t.Errorf("got %s\nwant %s", &pretty, want)
				}
			})
		}
	}
	files, err := filepath.Glob("testdata/errors/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !written[filepath.Base(f)] {
			t.Errorf("nothing answers %s", f)
		}
	}
}

// judge sends nothing anywhere: it answers a client with a failure of this server.
type judge struct {
	t                  *testing.T
	service, exception string
}

func (j judge) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return provoke(j.t, j.service, j.exception).Result(), nil
}

// clients makes AWS's own client of a service.
func (j judge) client() any {
	cfg := aws.Config{
		Region: region, HTTPClient: j, RetryMaxAttempts: 1, BaseEndpoint: aws.String("http://api.example"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secretKey}, nil
		}),
	}
	switch j.service {
	case "ivs":
		return ivs.NewFromConfig(cfg)
	case "ivschat":
		return ivschat.NewFromConfig(cfg)
	}
	return ivsrealtime.NewFromConfig(cfg)
}

// fill sets every member of an input to anything, so that the client sends it.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
	case reflect.String:
		v.SetString("x")
	case reflect.Interface:
		if v.Type() == reflect.TypeFor[chattypes.DestinationConfiguration]() {
			v.Set(reflect.ValueOf(&chattypes.DestinationConfigurationMemberS3{Value: chattypes.S3DestinationConfiguration{BucketName: aws.String("x")}}))
		}
	}
}

// Each operation's client knows each exception that the facts list for it by its type, and reads what it says.
func TestExceptionsAreTypedForTheGoSDK(t *testing.T) {
	total, younger := 0, map[string]bool{}
	for _, service := range []string{"ivs", "ivs-realtime", "ivschat"} {
		for _, op := range facts(t, service).Operations {
			for _, e := range op.Errors {
				exception := e[1].(string)
				call := reflect.ValueOf(judge{t, service, exception}.client()).MethodByName(op.Name)
				if !call.IsValid() {
					younger[op.Name] = true
					continue
				}
				total++
				in := reflect.New(call.Type().In(1).Elem())
				fill(in.Elem())
				err, _ := call.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})[1].Interface().(error)
				var got smithy.APIError
				if !errors.As(err, &got) || fmt.Sprintf("%T", got) != "*types."+exception {
					t.Errorf("%s %s: got %T %v, want %s", service, op.Name, got, err, exception)
					continue
				}
				member := "ExceptionMessage"
				if service == "ivschat" {
					member = "Message"
					wantChatMembers(t, exception, got)
				}
				if m := reflect.ValueOf(got).Elem().FieldByName(member); m.IsNil() || m.Elem().String() == "" {
					t.Errorf("%s %s %s: no %s", service, op.Name, exception, member)
				}
			}
		}
	}
	replication := []string{"ListParticipantReplicas", "StartParticipantReplication", "StopParticipantReplication"}
	if got := slices.Sorted(maps.Keys(younger)); !slices.Equal(got, replication) || total < 390 {
		t.Errorf("%d exceptions were judged; this SDK does not know %v", total, got)
	}
}

// wantChatMembers wants what the facts require of chat's exceptions besides the message.
func wantChatMembers(t *testing.T, exception string, got smithy.APIError) {
	t.Helper()
	switch e := got.(type) {
	case *chattypes.ValidationException:
		if e.Reason != chattypes.ValidationExceptionReasonFieldValidationFailed || len(e.FieldList) != 1 || *e.FieldList[0].Name != "say" || *e.FieldList[0].Message == "" {
			t.Errorf("%+v", e)
		}
	case *chattypes.ResourceNotFoundException:
		if *e.ResourceId != "AbCdEf123456" || e.ResourceType != chattypes.ResourceTypeRoom {
			t.Errorf("%+v", e)
		}
	case *chattypes.ConflictException:
		if *e.ResourceId != "AbCdEf123456" || e.ResourceType != "LOGGING_CONFIGURATION" {
			t.Errorf("%+v", e)
		}
	case *chattypes.ServiceQuotaExceededException:
		if e.ResourceId == nil || e.ResourceType != chattypes.ResourceTypeRoom || e.Limit != 3 {
			t.Errorf("%+v", e)
		}
	case *chattypes.ThrottlingException:
		if e.ResourceId == nil || e.ResourceType != chattypes.ResourceTypeRoom || e.Limit != 10 {
			t.Errorf("%+v", e)
		}
	default:
		if plain := []string{"AccessDeniedException", "PendingVerification", "InternalServerException"}; !slices.Contains(plain, exception) {
			t.Errorf("%s is not known", exception)
		}
	}
}
