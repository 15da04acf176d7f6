package ivs

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"

	"github.com/streamcat/streamcat/internal/arn"
)

func newKey(t testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// publicPEM gives the public half of a key as openssl prints it.
func publicPEM(t testing.TB, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestAPlaybackKeyLivesThroughTheSDK(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	key := newKey(t, elliptic.P384())
	material := publicPEM(t, &key.PublicKey)
	made, err := c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{
		Name: new("mine"), PublicKeyMaterial: new("\r\n" + strings.ReplaceAll(material, "\n", "\r\n")), Tags: map[string]string{"a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(material))
	sum := md5.Sum(block.Bytes)
	if got := strings.ReplaceAll(*made.KeyPair.Fingerprint, ":", ""); got != hex.EncodeToString(sum[:]) || len(*made.KeyPair.Fingerprint) != 47 {
		t.Errorf("fingerprint %s", *made.KeyPair.Fingerprint)
	}
	got, err := c.GetPlaybackKeyPair(ctx, &sdk.GetPlaybackKeyPairInput{Arn: made.KeyPair.Arn})
	if err != nil {
		t.Fatal(err)
	}
	if k := got.KeyPair; *k.Name != "mine" || k.Tags["a"] != "1" || *k.Fingerprint != *made.KeyPair.Fingerprint || arn.ID(*k.Arn) == "" {
		t.Errorf("got %+v", k)
	}
	dir := NewDirectory(w.db, w.keyring, here)
	if keys, err := dir.PlaybackKeys(ctx); err != nil || len(keys) != 1 || !keys[0].Equal(&key.PublicKey) {
		t.Errorf("keys of the directory: %v, %v", keys, err)
	}
	if _, err := c.DeletePlaybackKeyPair(ctx, &sdk.DeletePlaybackKeyPairInput{Arn: made.KeyPair.Arn}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetPlaybackKeyPair(ctx, &sdk.GetPlaybackKeyPairInput{Arn: made.KeyPair.Arn})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.DeletePlaybackKeyPair(ctx, &sdk.DeletePlaybackKeyPairInput{Arn: made.KeyPair.Arn})
	wantException[*types.ResourceNotFoundException](t, err)
	if keys, err := dir.PlaybackKeys(ctx); err != nil || len(keys) != 0 {
		t.Errorf("keys after the deletion: %v, %v", keys, err)
	}
	if _, err := c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{PublicKeyMaterial: &material}); err != nil {
		t.Errorf("a key that was deleted comes again: %v", err)
	}
}

func TestOnlyPublicKeysOfP384AreImported(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	key := newKey(t, elliptic.P384())
	good := publicPEM(t, &key.PublicKey)
	sec1, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(good))
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	as := func(what string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: what, Bytes: der}))
	}
	for name, material := range map[string]string{
		"nothing":                        "",
		"no PEM":                         "ssh-ed25519 AAAA",
		"P-256":                          publicPEM(t, &newKey(t, elliptic.P256()).PublicKey),
		"P-521":                          publicPEM(t, &newKey(t, elliptic.P521()).PublicKey),
		"RSA":                            publicPEM(t, &short.PublicKey),
		"Ed25519":                        publicPEM(t, ed),
		"a private key":                  as("EC PRIVATE KEY", sec1),
		"a private key in PKCS 8":        as("PRIVATE KEY", pkcs8),
		"a private key that denies it":   as("PUBLIC KEY", pkcs8),
		"a public and a private key":     good + as("PRIVATE KEY", pkcs8),
		"a private and a public key":     as("PRIVATE KEY", pkcs8) + good,
		"two keys":                       good + publicPEM(t, &newKey(t, elliptic.P384()).PublicKey),
		"garbage after the key":          good + "garbage",
		"a key that was cut":             as("PUBLIC KEY", block.Bytes[:60]),
		"a point that is not on a curve": as("PUBLIC KEY", append(slices.Clone(block.Bytes[:119]), block.Bytes[119]^1)),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{PublicKeyMaterial: &material})
			message := wantException[*types.ValidationException](t, err)
			if lines := strings.Split(material, "\n"); len(lines) > 2 && strings.Contains(message+w.log.String(), lines[1]) {
				t.Error("the error or the log repeats what was sent")
			}
		})
	}
	if list, err := c.ListPlaybackKeyPairs(ctx, &sdk.ListPlaybackKeyPairsInput{}); err != nil || len(list.KeyPairs) != 0 {
		t.Errorf("imported: %+v, %v", list, err)
	}
}

func TestTheSamePlaybackKeyIsAConflictBeforeTheQuota(t *testing.T) {
	w := newWorld(t, time.Now())
	w.quotas = map[arn.Kind]int{arn.PlaybackKey: 3}
	c, ctx := w.client(t), t.Context()
	var last string
	for range 3 {
		last = publicPEM(t, &newKey(t, elliptic.P384()).PublicKey)
		if _, err := c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{PublicKeyMaterial: &last}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{PublicKeyMaterial: &last})
	wantException[*types.ConflictException](t, err)
	_, err = c.ImportPlaybackKeyPair(ctx, &sdk.ImportPlaybackKeyPairInput{PublicKeyMaterial: new(publicPEM(t, &newKey(t, elliptic.P384()).PublicKey))})
	wantException[*types.ServiceQuotaExceededException](t, err)
}

func TestDirectoryGivesMorePlaybackKeysThanAPageHolds(t *testing.T) {
	w := newWorld(t, time.Now())
	for i := range 103 {
		doc, err := newPlaybackKey(fmt.Sprint(i), &newKey(t, elliptic.P384()).PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.playbackKeys.Insert(t.Context(), here.New(arn.PlaybackKey), doc, nil); err != nil {
			t.Fatal(err)
		}
	}
	if keys, err := NewDirectory(w.db, w.keyring, here).PlaybackKeys(t.Context()); err != nil || len(keys) != 103 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func FuzzPlaybackKey(f *testing.F) {
	key := newKey(f, elliptic.P384())
	f.Add(publicPEM(f, &key.PublicKey))
	f.Add(publicPEM(f, &newKey(f, elliptic.P256()).PublicKey))
	f.Add("-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parsePlaybackKey(text)
		if err != nil {
			return
		}
		doc, err := newPlaybackKey("", key)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parsePlaybackKey(doc.PEM); err != nil || !again.Equal(key) {
			t.Errorf("a key that was taken is another one when it is read again: %v", err)
		}
	})
}
