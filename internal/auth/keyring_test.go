package auth_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/streamcat/streamcat/internal/auth"
)

func open(t testing.TB, dir string) *auth.Keyring {
	t.Helper()
	k, err := auth.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyringIsTheSameAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	a := open(t, dir)
	sealed, err := a.Seal([]byte("stream key"), "x")
	if err != nil {
		t.Fatal(err)
	}
	b := open(t, dir)
	if got, err := b.Open(sealed, "x"); err != nil || string(got) != "stream key" {
		t.Errorf("open: got %q, %v", got, err)
	}
	if a.Digest("p", "v") != b.Digest("p", "v") {
		t.Error("digests differ")
	}
	other := open(t, t.TempDir())
	if a.Digest("p", "v") == other.Digest("p", "v") {
		t.Error("two servers give the same digest")
	}
	if _, err := other.Open(sealed, "x"); err == nil {
		t.Error("another server opens a sealed value")
	}
}

func TestSealedValueOpensOnlyWholeAndInItsContext(t *testing.T) {
	k := open(t, t.TempDir())
	sealed, err := k.Seal([]byte("secret"), "access-key A")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Fatal("the plain text shows")
	}
	if _, err := k.Open(sealed, "access-key B"); err == nil {
		t.Error("another context opened it")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := k.Open(bad, "access-key A"); err == nil {
			t.Errorf("a change of byte %d went unseen", i)
		}
		if _, err := k.Open(sealed[:i], "access-key A"); err == nil {
			t.Errorf("%d bytes of it opened", i)
		}
	}
	again, err := k.Seal([]byte("secret"), "access-key A")
	if err != nil || bytes.Equal(again, sealed) {
		t.Errorf("sealing twice gives the same bytes, or %v", err)
	}
}

func TestDigestKeepsPurposesApart(t *testing.T) {
	k := open(t, t.TempDir())
	a, b := k.Digest("stream-key", "v"), k.Digest("token", "v")
	if a == b || len(a) != 64 {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestKeysAreReadableByTheOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	if _, err := auth.NewSeats(open(t, dir)); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("files: %v, %v", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", f.Name(), info.Mode())
		}
	}
	if err := os.Chmod(filepath.Join(dir, "master.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.OpenKeyring(dir); err == nil {
		t.Error("a key that others may read was taken")
	}
}

func TestServersThatStartAtOnceShareOneKey(t *testing.T) {
	dir := t.TempDir()
	digests := make([]string, 8)
	var wg sync.WaitGroup
	for i := range digests {
		wg.Go(func() {
			k, err := auth.OpenKeyring(dir)
			if err != nil {
				t.Error(err)
				return
			}
			digests[i] = k.Digest("p", "v")
		})
	}
	wg.Wait()
	for _, d := range digests {
		if d != digests[0] {
			t.Fatalf("keys differ: %v", digests)
		}
	}
}

func TestBrokenKeyFileIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "master.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.OpenKeyring(dir); err == nil {
		t.Error("a broken master key was taken")
	}
	for _, name := range []string{"seats-p256.pem", "seats.pem"} {
		dir = t.TempDir()
		k := open(t, dir)
		if err := os.WriteFile(filepath.Join(dir, name), []byte("not PEM"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := auth.NewSeats(k); err == nil {
			t.Errorf("%s: a broken signing key was taken", name)
		}
	}
}
