package engine_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	ivstypes "github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/smithy-go"

	"github.com/streamcat/streamcat/internal/api/apitest"
	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// managed runs use with the keys of an engine's data directory, as another process would, and gives the URL of
// the database to whoever wants to look into it.
func managed(t *testing.T, e *enginetest.Engine, database string, use func(engine.Keys) error) {
	t.Helper()
	cfg := engine.Defaults()
	cfg.DataDir, cfg.DatabaseURL = e.DataDir(), database
	if err := engine.WithKeys(t.Context(), cfg, use); err != nil {
		t.Fatal(err)
	}
}

// as gives a client configuration with another key.
func as(e *enginetest.Engine, id, secret string) aws.Config {
	cfg := e.AWS()
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret}, nil
	})
	return cfg
}

// eventually wants a condition to hold before the test's time is over.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: not within 30 seconds", what)
		case <-tick.C:
		}
	}
}

func code(err error) string {
	var x smithy.APIError
	if errors.As(err, &x) {
		return x.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func onBoth(t *testing.T, test func(t *testing.T, e *enginetest.Engine, database string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, enginetest.Start(t), "") })
	t.Run("postgres", func(t *testing.T) {
		url := storetest.PostgresURL(t)
		test(t, enginetest.Start(t, enginetest.Database(url)), url)
	})
}

func TestAKeyMayDoWhatItsPolicySaysUntilItIsDeleted(t *testing.T) {
	onBoth(t, func(t *testing.T, e *enginetest.Engine, database string) {
		root := ivs.NewFromConfig(e.AWS())
		var arns []string
		for _, team := range []string{"red", "blue"} {
			made, err := root.CreateChannel(t.Context(), &ivs.CreateChannelInput{Tags: map[string]string{"team": team}})
			if err != nil {
				t.Fatal(err)
			}
			arns = append(arns, *made.Channel.Arn)
		}
		var key, second engine.AccessKey
		var secret, secondSecret string
		managed(t, e, database, func(keys engine.Keys) (err error) {
			key, secret, err = keys.Create(t.Context(), "red team", json.RawMessage(`{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Action":["ivs:GetChannel","ivs:BatchGetChannel","ivs:TagResource"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}},
				{"Effect":"Allow","Action":"ivs:CreateChannel","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"red"}}},
				{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["127.0.0.0/8","::1"]}}}]}`))
			return err
		})
		red := ivs.NewFromConfig(as(e, key.ID, secret))
		var denied *ivstypes.AccessDeniedException
		get := func(c *ivs.Client, arn string) error {
			_, err := c.GetChannel(t.Context(), &ivs.GetChannelInput{Arn: &arn})
			return err
		}
		if err := get(red, arns[0]); err != nil {
			t.Error(err)
		}
		if err := get(red, arns[1]); !errors.As(err, &denied) || !strings.Contains(aws.ToString(denied.ExceptionMessage), key.ID+" is not authorized to perform: ivs:GetChannel on resource: "+arns[1]) {
			t.Error(err)
		}
		missing := arns[1][:len(arns[1])-12] + "000000000000"
		if err := get(red, missing); !errors.As(err, &denied) {
			t.Errorf("a channel that is not there: %v", err)
		}
		if _, err := red.BatchGetChannel(t.Context(), &ivs.BatchGetChannelInput{Arns: arns}); !errors.As(err, &denied) {
			t.Errorf("a batch with one that is not allowed: %v", err)
		}
		if _, err := red.BatchGetChannel(t.Context(), &ivs.BatchGetChannelInput{Arns: arns[:1]}); err != nil {
			t.Error(err)
		}
		if _, err := red.CreateChannel(t.Context(), &ivs.CreateChannelInput{}); !errors.As(err, &denied) {
			t.Errorf("a channel without the tag: %v", err)
		}
		if _, err := red.CreateChannel(t.Context(), &ivs.CreateChannelInput{Tags: map[string]string{"team": "red"}}); err != nil {
			t.Error(err)
		}
		if _, err := red.TagResource(t.Context(), &ivs.TagResourceInput{ResourceArn: &arns[1], Tags: map[string]string{"team": "red"}}); code(err) != "AccessDeniedException" {
			t.Errorf("another team's channel is tagged: %v", err)
		}

		managed(t, e, database, func(keys engine.Keys) (err error) {
			second, secondSecret, err = keys.Rotate(t.Context(), key.ID)
			if err != nil {
				return err
			}
			return keys.SetPolicy(t.Context(), key.ID, json.RawMessage(`{"Statement":{"Effect":"Allow","Action":"ivs:GetChannel","Resource":"`+arns[1]+`"}}`))
		})
		rotated := ivs.NewFromConfig(as(e, second.ID, secondSecret))
		if err := get(rotated, arns[0]); err != nil || second.Note != key.Note || string(second.Policy) != string(key.Policy) {
			t.Errorf("the rotated key %+v: %v", second, err)
		}
		eventually(t, "the new policy", func() bool { return get(red, arns[0]) != nil && get(red, arns[1]) == nil })
		managed(t, e, database, func(keys engine.Keys) error { return keys.Delete(t.Context(), key.ID) })
		eventually(t, "the end of the deleted key", func() bool { return code(get(red, arns[1])) == "UnrecognizedClientException" })
		eventually(t, "when the key was used", func() bool {
			var k engine.AccessKey
			managed(t, e, database, func(keys engine.Keys) (err error) {
				k, err = keys.Get(t.Context(), second.ID)
				return err
			})
			return !k.LastUsed.IsZero()
		})
		if strings.Contains(e.Log(), secret) || strings.Contains(e.Log(), secondSecret) {
			t.Error("the log holds a secret")
		}
	})
}

func TestTheServersOwnKeysAreNotForEverybody(t *testing.T) {
	e := enginetest.Start(t)
	managed(t, e, "", func(keys engine.Keys) error {
		all, err := keys.List(t.Context())
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		for _, k := range all {
			if err := keys.SetPolicy(t.Context(), k.ID, nil); !k.Root || fault.Of(err) != fault.Conflict {
				t.Errorf("%+v: %v", k, err)
			}
			if k.Note != "root" {
				_, _, err = keys.Rotate(t.Context(), k.ID)
				if err2 := keys.Delete(t.Context(), k.ID); fault.Of(err) != fault.Conflict || fault.Of(err2) != fault.Conflict {
					t.Errorf("the web app's key: %v, %v", err, err2)
				}
			}
		}
		for note, policy := range map[string]string{"root": "", "web app": "", "x": `{"Statement":[]}`, "y": "null"} {
			var text json.RawMessage
			if policy != "" {
				text = json.RawMessage(policy)
			}
			if _, _, err := keys.Create(t.Context(), note, text); fault.Of(err) != fault.Invalid {
				t.Errorf("%s %s: %v", note, policy, err)
			}
		}
		if err := keys.SetPolicy(t.Context(), "AKIANOBODY", nil); fault.Of(err) != fault.NotFound {
			t.Error(err)
		}
		_, _, err = keys.Rotate(t.Context(), e.AccessKeyID)
		return err
	})
	e.Stop()
	second := enginetest.Start(t, enginetest.DataDir(filepath.Clean(e.DataDir())))
	if second.AccessKeyID == e.AccessKeyID {
		t.Error("the rotated root key is not the one that is shown")
	}
	for _, cfg := range []aws.Config{second.AWS(), as(second, e.AccessKeyID, e.Secret)} {
		if _, err := ivs.NewFromConfig(cfg).ListChannels(t.Context(), &ivs.ListChannelsInput{}); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatWasDoneIsInTheAuditLog(t *testing.T) {
	onBoth(t, func(t *testing.T, e *enginetest.Engine, database string) {
		made, err := ivsrealtime.NewFromConfig(e.AWS()).CreateStage(t.Context(), &ivsrealtime.CreateStageInput{Name: aws.String("hunter2")})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ivschat.NewFromConfig(e.AWS()).ListRooms(t.Context(), &ivschat.ListRoomsInput{}); err != nil {
			t.Fatal(err)
		}
		_, err = ivs.NewFromConfig(e.AWS()).DeleteChannel(t.Context(), &ivs.DeleteChannelInput{Arn: aws.String("arn:aws:ivs:us-east-1:000000000000:channel/000000000000")})
		if code(err) != "ResourceNotFoundException" {
			t.Fatal(err)
		}
		if database == "" {
			database = "sqlite:" + filepath.Join(e.DataDir(), "streamcat.db")
		}
		db, err := store.Open(t.Context(), database, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		all, _, err := db.AuditEntries(t.Context(), store.AuditFilter{AccessKeyID: e.AccessKeyID}, 10, nil)
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v, %v", all, err)
		}
		if got := all[0]; got.Operation != "DeleteChannel" || got.Service != "ivs" || got.Result != "ResourceNotFoundException" || got.Source != "127.0.0.1" {
			t.Errorf("got %+v", got)
		}
		if got := all[1]; got.Operation != "CreateStage" || got.Service != "ivs-realtime" || got.Result != "ok" || len(got.Resources) != 1 || got.Resources[0] != *made.Stage.Arn {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAWSQuotasHoldAndSDKsTryAgain(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.Quotas = "aws" })
	channels := ivs.NewFromConfig(e.AWS())
	once := ivs.NewFromConfig(e.AWS(), func(o *ivs.Options) { o.RetryMaxAttempts, o.HTTPClient = 1, apitest.Client() })
	throttled := false
	for range 100 { // far more than 5 a second, however slow the machine
		if _, err := once.ListChannels(t.Context(), &ivs.ListChannelsInput{}); err != nil {
			if code(err) != "ThrottlingException" {
				t.Fatal(err)
			}
			throttled = true
			break
		}
	}
	if !throttled {
		t.Error("nothing was throttled")
	}
	if _, err := channels.ListChannels(t.Context(), &ivs.ListChannelsInput{}); err != nil {
		t.Errorf("the SDK did not try again: %v", err)
	}
	patient := ivs.NewFromConfig(e.AWS(), func(o *ivs.Options) { o.RetryMaxAttempts = 20 })
	var last error
	for range 4 {
		if last != nil {
			break
		}
		_, last = patient.ImportPlaybackKeyPair(t.Context(), &ivs.ImportPlaybackKeyPairInput{PublicKeyMaterial: aws.String(publicKey(t))})
	}
	if code(last) != "ServiceQuotaExceededException" {
		t.Errorf("a fourth playback key pair: %v", last)
	}
}

// TestTheWebAppIsNotThrottled lets more people sign up at once than channels may be made in a second, while
// somebody's program is at its limit.
func TestTheWebAppIsNotThrottled(t *testing.T) {
	e := enginetest.Start(t, func(c *engine.Config) { c.Quotas = "aws" })
	once := ivs.NewFromConfig(e.AWS(), func(o *ivs.Options) { o.RetryMaxAttempts, o.HTTPClient = 1, apitest.Client() })
	var err error
	for range 1000 {
		if _, err = once.CreateChannel(t.Context(), &ivs.CreateChannelInput{}); err != nil {
			break
		}
	}
	if code(err) != "ThrottlingException" {
		t.Fatal(err)
	}
	answers := make(chan string)
	for i := range 12 {
		go func() {
			body := fmt.Sprintf(`{"username":"user%d","password":"correct horse battery"}`, i)
			resp, err := http.Post(e.URL+"/api/register", "application/json", strings.NewReader(body))
			if err != nil {
				answers <- err.Error()
				return
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			answers <- fmt.Sprint(resp.StatusCode, " ", string(text))
		}()
	}
	for range 12 {
		if got := <-answers; !strings.HasPrefix(got, "201 ") {
			t.Error(got)
		}
	}
}

// publicKey makes a P-384 public key.
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

func TestKeysAreManagedOverTheEnginesAPI(t *testing.T) {
	e := enginetest.Start(t)
	keys := e.URL + "/engine/v1/access-keys"
	ask := func(s signed, method, url, body string, want int) (out struct{ ID, Secret string }) {
		t.Helper()
		s.service = "streamcat"
		status, _, text := s.send(t, e, method, url, body)
		if status != want {
			t.Fatalf("%s %s: %d %s", method, url, status, text)
		}
		if text != "" {
			if err := json.Unmarshal([]byte(text), &out); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	list := func(key, secret string) string {
		_, err := ivs.NewFromConfig(as(e, key, secret)).ListChannels(t.Context(), &ivs.ListChannelsInput{})
		return code(err)
	}
	made := ask(signed{}, "POST", keys, `{"note":"reader","policy":{"Statement":{"Effect":"Allow","Action":["ivs:List*","streamcat:List*"],"Resource":"*"}}}`, 201)
	if got := list(made.ID, made.Secret); got != "" {
		t.Errorf("the new key: %s", got)
	}
	limited := signed{key: made.ID, secret: made.Secret}
	ask(limited, "GET", keys, "", 200)
	ask(limited, "POST", keys, `{"note":"all"}`, 403)
	ask(signed{}, "PUT", keys+"/"+made.ID+"/policy", `{"policy":{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}}`, 200)
	if got := list(made.ID, made.Secret); got != "AccessDeniedException" { // at once, in this process
		t.Errorf("with its new policy: %s", got)
	}
	rotated := ask(signed{}, "POST", keys+"/"+made.ID+"/rotate", `{}`, 201)
	ask(signed{}, "DELETE", keys+"/"+made.ID, "", 204)
	if old, fresh := list(made.ID, made.Secret), list(rotated.ID, rotated.Secret); old != "UnrecognizedClientException" || fresh != "AccessDeniedException" {
		t.Errorf("the deleted key: %s; the rotated one: %s", old, fresh)
	}
}
