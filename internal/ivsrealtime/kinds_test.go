package ivsrealtime_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/ivsrealtime"
)

// kind is how one kind of resource is made, shown, listed and deleted by AWS's client.
type kind struct {
	kind   arn.Kind
	page   int // entries of a page when nothing is asked for; 0: more than a test makes
	create func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error)
	get    func(ctx context.Context, c *sdk.Client, arn string) (name string, tags map[string]string, err error)
	list   func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error)
	delete func(ctx context.Context, c *sdk.Client, arn string) error
}

// newKeyPEM gives a fresh public key as customers import it.
func newKeyPEM(t testing.TB, curve elliptic.Curve) string {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(curve, rand.Reader))
	der := must[[]byte](t)(x509.MarshalPKIXPublicKey(&key.PublicKey))
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func kinds(t *testing.T) map[string]kind {
	return map[string]kind{
		"stage": {
			arn.Stage, 50,
			func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error) {
				out, err := c.CreateStage(ctx, &sdk.CreateStageInput{Name: &name, Tags: tags})
				if err != nil {
					return "", err
				}
				return *out.Stage.Arn, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) (string, map[string]string, error) {
				out, err := c.GetStage(ctx, &sdk.GetStageInput{Arn: &arn})
				if err != nil {
					return "", nil, err
				}
				return *out.Stage.Name, out.Stage.Tags, nil
			},
			func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error) {
				out, err := c.ListStages(ctx, &sdk.ListStagesInput{MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, s := range out.Stages {
					arns = append(arns, *s.Arn)
				}
				return arns, out.NextToken, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) error {
				_, err := c.DeleteStage(ctx, &sdk.DeleteStageInput{Arn: &arn})
				return err
			},
		},
		"encoder configuration": {
			arn.EncoderConfiguration, 100,
			func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error) {
				out, err := c.CreateEncoderConfiguration(ctx, &sdk.CreateEncoderConfigurationInput{Name: &name, Tags: tags})
				if err != nil {
					return "", err
				}
				return *out.EncoderConfiguration.Arn, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) (string, map[string]string, error) {
				out, err := c.GetEncoderConfiguration(ctx, &sdk.GetEncoderConfigurationInput{Arn: &arn})
				if err != nil {
					return "", nil, err
				}
				return *out.EncoderConfiguration.Name, out.EncoderConfiguration.Tags, nil
			},
			func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error) {
				out, err := c.ListEncoderConfigurations(ctx, &sdk.ListEncoderConfigurationsInput{MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, s := range out.EncoderConfigurations {
					if s.Name == nil || s.Tags["n"] != *s.Name {
						t.Errorf("summary %+v", s)
					}
					arns = append(arns, *s.Arn)
				}
				return arns, out.NextToken, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) error {
				_, err := c.DeleteEncoderConfiguration(ctx, &sdk.DeleteEncoderConfigurationInput{Arn: &arn})
				return err
			},
		},
		"storage configuration": {
			arn.StorageConfiguration, 100,
			func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error) {
				out, err := c.CreateStorageConfiguration(ctx, &sdk.CreateStorageConfigurationInput{
					Name: &name, Tags: tags, S3: &types.S3StorageConfiguration{BucketName: aws.String("a-bucket")},
				})
				if err != nil {
					return "", err
				}
				return *out.StorageConfiguration.Arn, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) (string, map[string]string, error) {
				out, err := c.GetStorageConfiguration(ctx, &sdk.GetStorageConfigurationInput{Arn: &arn})
				if err != nil {
					return "", nil, err
				}
				if *out.StorageConfiguration.S3.BucketName != "a-bucket" {
					t.Errorf("bucket %s", *out.StorageConfiguration.S3.BucketName)
				}
				return *out.StorageConfiguration.Name, out.StorageConfiguration.Tags, nil
			},
			func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error) {
				out, err := c.ListStorageConfigurations(ctx, &sdk.ListStorageConfigurationsInput{MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, s := range out.StorageConfigurations {
					if s.Name == nil || s.Tags["n"] != *s.Name || *s.S3.BucketName != "a-bucket" {
						t.Errorf("summary %+v", s)
					}
					arns = append(arns, *s.Arn)
				}
				return arns, out.NextToken, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) error {
				_, err := c.DeleteStorageConfiguration(ctx, &sdk.DeleteStorageConfigurationInput{Arn: &arn})
				return err
			},
		},
		"public key": {
			arn.PublicKey, 50,
			func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error) {
				material := newKeyPEM(t, elliptic.P384())
				out, err := c.ImportPublicKey(ctx, &sdk.ImportPublicKeyInput{Name: &name, Tags: tags, PublicKeyMaterial: &material})
				if err != nil {
					return "", err
				}
				return *out.PublicKey.Arn, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) (string, map[string]string, error) {
				out, err := c.GetPublicKey(ctx, &sdk.GetPublicKeyInput{Arn: &arn})
				if err != nil {
					return "", nil, err
				}
				return *out.PublicKey.Name, out.PublicKey.Tags, nil
			},
			func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error) {
				out, err := c.ListPublicKeys(ctx, &sdk.ListPublicKeysInput{MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, s := range out.PublicKeys {
					if s.Name == nil || s.Tags["n"] != *s.Name {
						t.Errorf("summary %+v", s)
					}
					arns = append(arns, *s.Arn)
				}
				return arns, out.NextToken, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) error {
				_, err := c.DeletePublicKey(ctx, &sdk.DeletePublicKeyInput{Arn: &arn})
				return err
			},
		},
		"ingest configuration": {
			arn.IngestConfiguration, 50,
			func(ctx context.Context, c *sdk.Client, name string, tags map[string]string) (string, error) {
				out, err := c.CreateIngestConfiguration(ctx, &sdk.CreateIngestConfigurationInput{Name: &name, Tags: tags, IngestProtocol: types.IngestProtocolRtmps})
				if err != nil {
					return "", err
				}
				return *out.IngestConfiguration.Arn, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) (string, map[string]string, error) {
				out, err := c.GetIngestConfiguration(ctx, &sdk.GetIngestConfigurationInput{Arn: &arn})
				if err != nil {
					return "", nil, err
				}
				return *out.IngestConfiguration.Name, out.IngestConfiguration.Tags, nil
			},
			func(ctx context.Context, c *sdk.Client, limit *int32, token *string) (arns []string, next *string, err error) {
				out, err := c.ListIngestConfigurations(ctx, &sdk.ListIngestConfigurationsInput{MaxResults: limit, NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				for _, s := range out.IngestConfigurations {
					arns = append(arns, *s.Arn)
				}
				return arns, out.NextToken, nil
			},
			func(ctx context.Context, c *sdk.Client, arn string) error {
				_, err := c.DeleteIngestConfiguration(ctx, &sdk.DeleteIngestConfigurationInput{Arn: &arn})
				return err
			},
		},
	}
}

func TestEachKindIsMadeShownTaggedListedAndDeleted(t *testing.T) {
	for what, k := range kinds(t) {
		t.Run(what, func(t *testing.T) {
			s, ctx := start(t), t.Context()
			var made []string
			for i := range k.page + 1 {
				name := fmt.Sprint("n", i)
				made = append(made, must[string](t)(k.create(ctx, s.client, name, map[string]string{"n": name})))
			}
			slices.Reverse(made) // as they are listed
			one := made[3]
			a, err := arn.Parse(one)
			if err != nil || a.Kind != k.kind || len(a.ID) != 12 {
				t.Errorf("%s: %v", one, err)
			}
			name, tags, err := k.get(ctx, s.client, one)
			if want := fmt.Sprint("n", k.page-3); err != nil || name != want || !maps.Equal(tags, map[string]string{"n": want}) {
				t.Errorf("got %s, %v, %v", name, tags, err)
			}
			must[*sdk.TagResourceOutput](t)(s.client.TagResource(ctx, &sdk.TagResourceInput{ResourceArn: &one, Tags: map[string]string{"more": "x"}}))
			must[*sdk.UntagResourceOutput](t)(s.client.UntagResource(ctx, &sdk.UntagResourceInput{ResourceArn: &made[4], TagKeys: []string{"other"}}))
			if _, tags, err := k.get(ctx, s.client, one); err != nil || tags["more"] != "x" || len(tags) != 2 {
				t.Errorf("tagged: %v, %v", tags, err)
			}

			arns, next, err := k.list(ctx, s.client, nil, nil)
			if err != nil || !slices.Equal(arns, made[:k.page]) || next == nil {
				t.Errorf("first page: %d, %v, %v", len(arns), next, err)
			}
			for token := next; ; {
				page, more, err := k.list(ctx, s.client, aws.Int32(2), token)
				if err != nil {
					t.Fatal(err)
				}
				arns = append(arns, page...)
				if token = more; token == nil {
					break
				}
			}
			if !slices.Equal(arns, made) {
				t.Errorf("listed %d of %d, or in another order", len(arns), len(made))
			}

			if err := k.delete(ctx, s.client, one); err != nil {
				t.Error(err)
			}
			_, _, err = k.get(ctx, s.client, one)
			wants[*types.ResourceNotFoundException](t, err)
			wants[*types.ResourceNotFoundException](t, k.delete(ctx, s.client, one))
			_, err = s.client.ListTagsForResource(ctx, &sdk.ListTagsForResourceInput{ResourceArn: &one})
			wants[*types.ResourceNotFoundException](t, err)
		})
	}
}

func TestEachKindRefusesWhatBreaksARule(t *testing.T) {
	s := start(t)
	ctx := t.Context()
	for range 2 {
		must[string](t)(kinds(t)["stage"].create(ctx, s.client, "n", map[string]string{"n": "n"}))
	}
	_, foreign, err := kinds(t)["stage"].list(ctx, s.client, aws.Int32(1), nil)
	if err != nil || foreign == nil {
		t.Fatal(err)
	}
	for what, k := range kinds(t) {
		t.Run(what, func(t *testing.T) {
			invalid := func(what string, err error) {
				t.Helper()
				var e *types.ValidationException
				if !errors.As(err, &e) || *e.ExceptionMessage == "" {
					t.Errorf("%s: %v", what, err)
				}
			}
			_, err := k.create(ctx, s.client, "a b", nil)
			invalid("a name with a space", err)
			_, err = k.create(ctx, s.client, strings.Repeat("x", 129), nil)
			invalid("a name of 129 characters", err)
			_, err = k.create(ctx, s.client, "n", map[string]string{"aws:x": ""})
			invalid("a reserved tag", err)
			own := minter.New(k.kind)
			for _, name := range []string{minter.New(arn.Channel), strings.Replace(own, "us-east-1", "eu-west-1", 1), "x"} {
				_, _, err := k.get(ctx, s.client, name)
				invalid("get "+name, err)
				invalid("delete "+name, k.delete(ctx, s.client, name))
			}
			for _, name := range []string{own, strings.Replace(own, minter.Account, "111111111111", 1)} {
				_, _, err := k.get(ctx, s.client, name)
				wants[*types.ResourceNotFoundException](t, err)
				wants[*types.ResourceNotFoundException](t, k.delete(ctx, s.client, name))
			}
			for _, limit := range []int32{-1, 101} {
				_, _, err := k.list(ctx, s.client, &limit, nil)
				invalid(fmt.Sprintf("a page of %d", limit), err)
			}
			_, _, err = k.list(ctx, s.client, nil, aws.String("garbage"))
			invalid("a garbage token", err)
			if k.kind != arn.Stage {
				_, _, err = k.list(ctx, s.client, nil, foreign)
				invalid("another list's token", err)
			}
		})
	}
}

func TestQuotaOfEachKindHoldsWhenManyComeAtOnce(t *testing.T) {
	const quota, clients = 3, 8
	for what, k := range kinds(t) {
		t.Run(what, func(t *testing.T) {
			both(t, func(t *testing.T, s *server) {
				var made, refused atomic.Int64
				var all sync.WaitGroup
				for i := range clients {
					all.Go(func() {
						_, err := k.create(t.Context(), s.client, fmt.Sprint(i), nil)
						var over *types.ServiceQuotaExceededException
						switch {
						case err == nil:
							made.Add(1)
						case errors.As(err, &over):
							refused.Add(1)
						default:
							t.Error(err)
						}
					})
				}
				all.Wait()
				if made.Load() != quota || refused.Load() != clients-quota {
					t.Errorf("%d made, %d refused", made.Load(), refused.Load())
				}
			}, func(d *ivsrealtime.Deps) { d.Quotas = map[arn.Kind]int{k.kind: quota} })
		})
	}
}
