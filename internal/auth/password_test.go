package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestPassword(t *testing.T) {
	hash, err := auth.HashPassword(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q", hash)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horse ": false, "": false, strings.Repeat("x", 2000): false} {
		if got, err := auth.CheckPassword(t.Context(), hash, password); err != nil || got != want {
			t.Errorf("%.20q: got %v, %v", password, got, err)
		}
	}
	again, err := auth.HashPassword(t.Context(), "correct horse")
	if err != nil || again == hash {
		t.Errorf("hashing twice gives the same, or %v", err)
	}
}

func TestHashWithOtherParametersStillWorks(t *testing.T) {
	enc := base64.RawStdEncoding
	salt := []byte("somesalt")
	hash := "$argon2id$v=19$m=64,t=3,p=2$" + enc.EncodeToString(salt) + "$" + enc.EncodeToString(argon2.IDKey([]byte("password"), salt, 3, 64, 2, 24))
	if ok, err := auth.CheckPassword(t.Context(), hash, "password"); err != nil || !ok {
		t.Fatalf("got %v, %v", ok, err)
	}
}

func TestUnusableHashesAreErrors(t *testing.T) {
	for _, hash := range []string{
		"", "plain", "$2b$12$abcdefghijklmnopqrstuv", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$",
		"$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo",
		"$argon2id$v=19$m=19456,t=0,p=1$c29tZXNhbHQ$GpZ3sK/oH9p7VIiV56G/64Zo/8GaUw434IimaPqxwCo",
		"$argon2id$v=19$m=19456,t=2,p=1$!$!",
	} {
		if ok, err := auth.CheckPassword(t.Context(), hash, "x"); err == nil || ok {
			t.Errorf("%q: got %v, %v", hash, ok, err)
		}
	}
}

func TestHashingEndsWithTheCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := auth.HashPassword(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestEndlessPasswordIsInvalid(t *testing.T) {
	if _, err := auth.HashPassword(t.Context(), strings.Repeat("x", 2000)); fault.Of(err) != fault.Invalid {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkHashPassword(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := auth.HashPassword(context.Background(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}
