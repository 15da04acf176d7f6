package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// Earlier versions signed with P-384, and what they signed may be in use for two weeks.
func TestTokensOfTheEarlierKeyAreGoodAsLongAsItIsThere(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(public)
	kid := "server/" + base64.RawURLEncoding.EncodeToString(sum[:12])
	claims := jwt.MapClaims{"exp": clock.Add(time.Hour).Unix(), "iat": clock.Unix(), "jti": "AbCdEfGh1234", "version": "0.3"}
	sign := func(m jwt.SigningMethod, key any) string {
		token := jwt.NewWithClaims(m, claims)
		token.Header["kid"] = kid
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	dir := t.TempDir()
	ring := open(t, dir)
	before, err := auth.NewSeats(ring)
	if err != nil {
		t.Fatal(err)
	}
	file := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	if err := os.WriteFile(filepath.Join(dir, "seats.pem"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	with, err := auth.NewSeats(ring)
	if err != nil {
		t.Fatal(err)
	}
	token := sign(jwt.SigningMethodES384, key)
	if got, err := with.Verify(token, clock); err != nil || got.ParticipantID != "AbCdEfGh1234" {
		t.Errorf("with the key: %+v, %v", got, err)
	}
	if _, err := before.Verify(token, clock); fault.Of(err) != fault.Denied {
		t.Errorf("without the key: %v", err)
	}
	if _, err := with.Verify(sign(jwt.SigningMethodES256, stranger), clock); fault.Of(err) != fault.Denied {
		t.Errorf("of another key and method under its name: %v", err)
	}
	own, err := before.Mint(seat())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := with.Verify(own, clock); err != nil {
		t.Errorf("the newer key's: %v", err)
	}
}
