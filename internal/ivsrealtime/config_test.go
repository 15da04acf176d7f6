package ivsrealtime_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
	live "github.com/streamcat/streamcat/internal/stage"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/store/storetest"
)

func TestVideoOfAnEncoderConfiguration(t *testing.T) {
	s := start(t)
	for _, c := range []struct{ name, ask, want string }{
		{"nothing asked for", `{}`, `{"bitrate":2500000,"framerate":30,"height":720,"width":1280}`},
		{"an empty video", `{"video":{}}`, `{"bitrate":2500000,"framerate":30,"height":720,"width":1280}`},
		{"some of it", `{"video":{"width":640,"height":360}}`, `{"bitrate":2500000,"framerate":30,"height":360,"width":640}`},
		{"the most", `{"video":{"width":1920,"height":1080,"bitrate":8500000,"framerate":60}}`, `{"bitrate":8500000,"framerate":60,"height":1080,"width":1920}`},
		{"upright, and a fraction", `{"video":{"width":1080,"height":1920,"bitrate":1,"framerate":29.97}}`, `{"bitrate":1,"framerate":29.97,"height":1920,"width":1080}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var made struct {
				EncoderConfiguration struct {
					Arn   string
					Video json.RawMessage
				}
			}
			if err := json.Unmarshal(post(t, s, "CreateEncoderConfiguration", c.ask, 200), &made); err != nil {
				t.Fatal(err)
			}
			if got := string(made.EncoderConfiguration.Video); got != c.want {
				t.Errorf("made %s", got)
			}
			if got := string(post(t, s, "GetEncoderConfiguration", `{"arn":"`+made.EncoderConfiguration.Arn+`"}`, 200)); !strings.Contains(got, `"video":`+c.want) {
				t.Errorf("got %s", got)
			}
		})
	}
	for _, bad := range []string{
		`{"width":641}`, `{"height":361}`, `{"width":0}`, `{"width":1922}`, `{"width":1920,"height":1082}`,
		`{"bitrate":0}`, `{"bitrate":8500001}`, `{"framerate":0.5}`, `{"framerate":60.5}`,
	} {
		post(t, s, "CreateEncoderConfiguration", `{"video":`+bad+`}`, 400, "ValidationException")
	}
}

// composed stands for a composition that has not ended and uses resources.
func composed(t *testing.T, s *server, uses ...string) {
	t.Helper()
	c := store.NewCollection(s.db, arn.Composition, func(*struct{}) (refs []store.Ref) {
		for _, name := range uses {
			refs = append(refs, store.Ref{Name: "uses", Value: name})
		}
		return refs
	})
	if _, err := c.Insert(t.Context(), minter.New(arn.Composition), &struct{}{}, nil); err != nil {
		t.Fatal(err)
	}
}

func TestWhatACompositionUsesIsNotDeleted(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	for _, what := range []string{"encoder configuration", "storage configuration"} {
		k := kinds(t)[what]
		used := must[string](t)(k.create(ctx, s.client, "used", nil))
		free := must[string](t)(k.create(ctx, s.client, "free", nil))
		composed(t, s, used)
		e := wants[*types.ConflictException](t, k.delete(ctx, s.client, used))
		if !strings.Contains(*e.ExceptionMessage, used) {
			t.Errorf("%s: %s", what, *e.ExceptionMessage)
		}
		if _, _, err := k.get(ctx, s.client, used); err != nil {
			t.Error(err)
		}
		if err := k.delete(ctx, s.client, free); err != nil {
			t.Error(err)
		}
	}
}

func recordTo(storage string) *types.AutoParticipantRecordingConfiguration {
	return &types.AutoParticipantRecordingConfiguration{StorageConfigurationArn: &storage}
}

func TestStorageOfAStageIsNotDeleted(t *testing.T) {
	s := start(t)
	ctx, k := t.Context(), kinds(t)["storage configuration"]
	storage := must[string](t)(k.create(ctx, s.client, "s", nil))
	stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(ctx, &sdk.CreateStageInput{AutoParticipantRecordingConfiguration: recordTo(storage)})).Stage.Arn
	wants[*types.ConflictException](t, k.delete(ctx, s.client, storage))
	must[*sdk.UpdateStageOutput](t)(s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: stage, AutoParticipantRecordingConfiguration: recordTo("")}))
	if err := k.delete(ctx, s.client, storage); err != nil {
		t.Error(err)
	}
	// CreateStage has no ResourceNotFoundException, UpdateStage has.
	_, err := s.client.CreateStage(ctx, &sdk.CreateStageInput{AutoParticipantRecordingConfiguration: recordTo(storage)})
	wants[*types.ValidationException](t, err)
	_, err = s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: stage, AutoParticipantRecordingConfiguration: recordTo(storage)})
	wants[*types.ResourceNotFoundException](t, err)
}

// Whoever comes first, no stage ends up with a storage configuration that does not exist.
func TestStorageIsDeletedWhileStagesAreAttached(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		ctx, k := t.Context(), kinds(t)["storage configuration"]
		for range 15 {
			storage := must[string](t)(k.create(ctx, s.client, "s", nil))
			stage := must[*sdk.CreateStageOutput](t)(s.client.CreateStage(ctx, &sdk.CreateStageInput{})).Stage.Arn
			var attached, deleted error
			var all sync.WaitGroup
			all.Go(func() {
				_, attached = s.client.UpdateStage(ctx, &sdk.UpdateStageInput{Arn: stage, AutoParticipantRecordingConfiguration: recordTo(storage)})
			})
			all.Go(func() { deleted = k.delete(ctx, s.client, storage) })
			all.Wait()
			_, _, gone := k.get(ctx, s.client, storage)
			switch {
			case attached == nil:
				wants[*types.ConflictException](t, deleted)
				if gone != nil {
					t.Errorf("%s is attached and does not exist", storage)
				}
			case deleted == nil:
				wants[*types.ResourceNotFoundException](t, attached)
			default:
				t.Errorf("neither: %v, %v", attached, deleted)
			}
		}
	})
}

func TestAPageOfStorageConfigurationsHoldsAsManyAsThereMayBe(t *testing.T) {
	s := start(t)
	k := kinds(t)["storage configuration"]
	for range 4 {
		must[string](t)(k.create(t.Context(), s.client, "s", map[string]string{"n": "s"}))
	}
	few := start(t, func(d *ivsrealtime.Deps) { d.DB, d.Quotas = s.db, map[arn.Kind]int{arn.StorageConfiguration: 3} })
	if page, next, err := k.list(t.Context(), few.client, nil, nil); len(page) != 3 || next == nil || err != nil {
		t.Errorf("%d, %v, %v", len(page), next, err)
	}
}

func TestPublicKey(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	imports := func(material string) (*types.PublicKey, error) {
		out, err := s.client.ImportPublicKey(ctx, &sdk.ImportPublicKeyInput{PublicKeyMaterial: &material})
		if err != nil {
			return nil, err
		}
		return out.PublicKey, nil
	}
	material := newKeyPEM(t, elliptic.P384())
	key := must[*types.PublicKey](t)(imports(material))
	if *key.PublicKeyMaterial != material || !regexp.MustCompile(`^([0-9a-f]{2}:){15}[0-9a-f]{2}$`).MatchString(*key.Fingerprint) || *key.Name != "" || key.Tags == nil {
		t.Errorf("imported %+v", key)
	}
	got := must[*sdk.GetPublicKeyOutput](t)(s.client.GetPublicKey(ctx, &sdk.GetPublicKeyInput{Arn: key.Arn})).PublicKey
	if *got.PublicKeyMaterial != material || *got.Fingerprint != *key.Fingerprint {
		t.Errorf("got %+v", got)
	}
	if body := post(t, s, "ListPublicKeys", `{}`, 200); strings.Contains(string(body), "publicKeyMaterial") || strings.Contains(string(body), "fingerprint") {
		t.Errorf("listed %s", body)
	}
	for what, same := range map[string]string{"the same key": material, "the same key, written in another way": strings.ReplaceAll(material, "\n", "\r\n")} {
		_, err := imports(same)
		if e := wants[*types.ConflictException](t, err); !strings.Contains(*e.ExceptionMessage, *key.Arn) {
			t.Errorf("%s: %s", what, *e.ExceptionMessage)
		}
	}
	for what, bad := range map[string]string{
		"words":             "a key",
		"another curve":     newKeyPEM(t, elliptic.P256()),
		"not base64":        "-----BEGIN PUBLIC KEY-----\n====\n-----END PUBLIC KEY-----\n",
		"base64 of no key":  "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		"a key cut in half": material[:60] + "\n-----END PUBLIC KEY-----\n",
		"not a public key":  strings.ReplaceAll(material, "PUBLIC", "PRIVATE"),
	} {
		if _, err := imports(bad); wants[*types.ValidationException](t, err) == nil {
			t.Error(what)
		}
	}
	directory := ivsrealtime.NewDirectory(s.db, s.ring, minter)
	if live := must[*ecdsa.PublicKey](t)(directory.PublicKey(ctx, *key.Arn)); live.Curve != elliptic.P384() {
		t.Errorf("the live side is given %v", live.Curve)
	}
	must[*sdk.DeletePublicKeyOutput](t)(s.client.DeletePublicKey(ctx, &sdk.DeletePublicKeyInput{Arn: key.Arn}))
	if _, err := directory.PublicKey(ctx, *key.Arn); fault.Of(err) != fault.NotFound {
		t.Errorf("the live side still knows it: %v", err)
	}
	again := must[*types.PublicKey](t)(imports(material))
	if *again.Arn == *key.Arn || *again.Fingerprint != *key.Fingerprint {
		t.Errorf("imported again: %+v", again)
	}
}

// The key that is there already is the answer even where there may be no more keys.
func TestSameKeyAtTheQuotaIsAConflict(t *testing.T) {
	both(t, func(t *testing.T, s *server) {
		material := newKeyPEM(t, elliptic.P384())
		made := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.client.ImportPublicKey(context.WithoutCancel(t.Context()), &sdk.ImportPublicKeyInput{PublicKeyMaterial: &material})
				made <- err
			}()
		}
		first, second := <-made, <-made
		if first != nil {
			first, second = second, first
		}
		if first != nil {
			t.Fatal(first, second)
		}
		if second == nil {
			t.Fatal("the same key twice")
		}
		_, err := s.client.ImportPublicKey(t.Context(), &sdk.ImportPublicKeyInput{PublicKeyMaterial: &material})
		wants[*types.ConflictException](t, err)
		_, err = s.client.ImportPublicKey(t.Context(), &sdk.ImportPublicKeyInput{PublicKeyMaterial: aws.String(newKeyPEM(t, elliptic.P384()))})
		if e := wants[*types.ServiceQuotaExceededException](t, err); !strings.Contains(fmt.Sprint(*e.ExceptionMessage), "public-key") {
			t.Error(*e.ExceptionMessage)
		}
	}, func(d *ivsrealtime.Deps) { d.Quotas = map[arn.Kind]int{arn.PublicKey: 1} })
}

// What a composition that is being started uses is not deleted meanwhile.
func TestWhatACompositionBeginsToUseIsNotDeleted(t *testing.T) {
	url := storetest.PostgresURL(t)
	c := compose(t, url, nil)
	for name, remove := range map[string]func() error{
		c.encoder: func() error {
			_, err := c.client.DeleteEncoderConfiguration(t.Context(), &sdk.DeleteEncoderConfigurationInput{Arn: &c.encoder})
			return err
		},
		c.s3: func() error {
			_, err := c.client.DeleteStorageConfiguration(t.Context(), &sdk.DeleteStorageConfigurationInput{Arn: &c.s3})
			return err
		},
	} {
		removed := make(chan error, 1)
		err := c.db.Tx(t.Context(), func(ctx context.Context) error { // as StartComposition does
			if err := c.db.Hold(ctx, name); err != nil {
				return err
			}
			go func() { removed <- remove() }()
			storetest.AwaitLock(t, url, nil)
			_, err := live.Compositions(c.db).Insert(ctx, minter.New(arn.Composition), &live.Composition{
				StageARN: c.stage, State: live.Starting, Destinations: []live.Destination{{Target: name}},
			}, nil)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wants[*types.ConflictException](t, <-removed)
	}
}
