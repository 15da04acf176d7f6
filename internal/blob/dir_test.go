package blob_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/blob"
)

func openDir(t testing.TB, dir string) *blob.Dir {
	t.Helper()
	d, err := blob.OpenDir(dir)
	check(t, err)
	t.Cleanup(func() { check(t, d.Close()) })
	return d
}

func TestDirIsABucket(t *testing.T) {
	testBucket(t, func(t *testing.T) blob.Bucket { return openDir(t, filepath.Join(t.TempDir(), "made", "on the way")) })
}

func TestObjectsAreFilesThatOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	put(t, openDir(t, dir), "a/b.ts", "bytes")
	got, err := os.ReadFile(filepath.Join(dir, "a", "b.ts"))
	check(t, err)
	if string(got) != "bytes" {
		t.Errorf("the file holds %q", got)
	}
	if got := get(t, openDir(t, dir), "a/b.ts"); got != "bytes" {
		t.Errorf("the next process reads %q", got)
	}
}

func TestHalfWrittenObjectsAreRemovedAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	half := filepath.Join(dir, ".incoming", "half")
	check(t, os.MkdirAll(filepath.Dir(half), 0o700))
	check(t, os.WriteFile(half, []byte("x"), 0o600))
	wantKeys(t, openDir(t, dir), "", "", 10)
	if _, err := os.Stat(half); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestEmptyDirectoriesDoNotStay(t *testing.T) {
	dir := t.TempDir()
	b := openDir(t, dir)
	put(t, b, "a/b/c", "x")
	put(t, b, "a/d", "x")
	check(t, b.Delete(t.Context(), "a/b/c"))
	if _, err := os.Stat(filepath.Join(dir, "a", "b")); !os.IsNotExist(err) {
		t.Errorf("a/b is still there: %v", err)
	}
	if got := get(t, b, "a/d"); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestSymbolicLinksLeadNowhere(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	check(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("secret"), 0o600))
	b := openDir(t, dir)
	check(t, os.Symlink(outside, filepath.Join(dir, "link")))
	if _, err := b.Get(t.Context(), "link/secret"); err == nil {
		t.Error("it was read")
	}
	if err := b.Put(t.Context(), "link/new", strings.NewReader("x"), blob.Meta{}); err == nil {
		t.Error("it was written")
	}
	if _, err := os.Stat(filepath.Join(outside, "new")); !os.IsNotExist(err) {
		t.Errorf("outside: %v", err)
	}
	wantKeys(t, b, "", "", 10)
}

// FuzzKey: whatever the key, nothing is touched outside of the bucket, and what was put is found.
func FuzzKey(f *testing.F) {
	for _, key := range append(notKeys, "a", "a/b.ts", "ü/🐈", "con", "a:b", "-rf", "%2e%2e/x", "~") {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		parent := t.TempDir()
		b := openDir(t, filepath.Join(parent, "bucket"))
		err := b.Put(t.Context(), key, strings.NewReader("x"), blob.Meta{})
		if invalid := blob.CheckKey(key); (invalid == nil) != (err == nil) {
			t.Fatalf("CheckKey says %v, Put %v", invalid, err)
		}
		if err == nil {
			if got := get(t, b, key); got != "x" {
				t.Errorf("got %q", got)
			}
			wantKeys(t, b, "", "", 10, key)
			check(t, b.Delete(t.Context(), key))
		}
		wantKeys(t, b, "", "", 10)
		entries, err := os.ReadDir(parent)
		check(t, err)
		if len(entries) != 1 {
			t.Errorf("beside the bucket: %v", entries)
		}
	})
}
