package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/streamcat/streamcat/internal/blob"
	"github.com/streamcat/streamcat/internal/fault"
)

// testBucket holds an implementation to what Bucket promises. open gives an empty bucket.
func testBucket(t *testing.T, open func(t *testing.T) blob.Bucket) {
	t.Run("an object comes back as it went in", func(t *testing.T) {
		b := open(t)
		data := bytes.Repeat([]byte("0123456789"), 100_000)
		check(t, b.Put(t.Context(), "ivs/v1/a b/ü.ts", bytes.NewReader(data), blob.Meta{ContentType: "video/mp2t"}))
		o, err := b.Get(t.Context(), "ivs/v1/a b/ü.ts")
		check(t, err)
		defer o.Close()
		if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("read %d bytes of %d: %v", len(got), len(data), err)
		}
		if o.Key != "ivs/v1/a b/ü.ts" || o.Size != int64(len(data)) || o.Modified.IsZero() {
			t.Errorf("described as %+v", o.Info)
		}
		info, err := b.Stat(t.Context(), "ivs/v1/a b/ü.ts")
		check(t, err)
		if info != o.Info {
			t.Errorf("Stat says %+v, Get %+v", info, o.Info)
		}
		if _, err := o.Seek(-3, io.SeekEnd); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(o); err != nil || string(got) != "789" {
			t.Errorf("the end is %q: %v", got, err)
		}
	})

	t.Run("an empty object is an object", func(t *testing.T) {
		b := open(t)
		put(t, b, "empty", "")
		if got := get(t, b, "empty"); got != "" {
			t.Errorf("got %q", got)
		}
	})

	t.Run("a second Put replaces, and who reads the first still reads the first", func(t *testing.T) {
		b := open(t)
		put(t, b, "a/x", "first")
		o, err := b.Get(t.Context(), "a/x")
		check(t, err)
		defer o.Close()
		put(t, b, "a/x", "second, which is longer")
		if got := get(t, b, "a/x"); got != "second, which is longer" {
			t.Errorf("got %q", got)
		}
		if got, err := io.ReadAll(o); err != nil || string(got) != "first" {
			t.Errorf("the open one reads %q: %v", got, err)
		}
	})

	t.Run("a Put that fails changes nothing", func(t *testing.T) {
		b := open(t)
		put(t, b, "a", "kept")
		broken := errors.New("encoder went away")
		for _, key := range []string{"a", "b"} {
			r := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))
			if err := b.Put(t.Context(), key, r, blob.Meta{}); !errors.Is(err, broken) {
				t.Errorf("%s: got %v", key, err)
			}
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Put(cancelled, "b", strings.NewReader("x"), blob.Meta{}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: got %v", err)
		}
		if got := get(t, b, "a"); got != "kept" {
			t.Errorf("got %q", got)
		}
		wantKeys(t, b, "", "", 10, "a")
	})

	t.Run("an absent object is NotFound, and deleting it is no error", func(t *testing.T) {
		b := open(t)
		put(t, b, "a/b", "x")
		for _, key := range []string{"c", "a/c", "a", "a/b/c", "c/d/e"} {
			_, err := b.Get(t.Context(), key)
			wantKind(t, err, fault.NotFound)
			_, err = b.Stat(t.Context(), key)
			wantKind(t, err, fault.NotFound)
			check(t, b.Delete(t.Context(), key))
		}
		check(t, b.Delete(t.Context(), "a/b"))
		_, err := b.Get(t.Context(), "a/b")
		wantKind(t, err, fault.NotFound)
		wantKeys(t, b, "", "", 10)
	})

	t.Run("what is no key is Invalid", func(t *testing.T) {
		b := open(t)
		for _, key := range notKeys {
			wantKind(t, b.Put(t.Context(), key, strings.NewReader("x"), blob.Meta{}), fault.Invalid)
			_, err := b.Get(t.Context(), key)
			wantKind(t, err, fault.Invalid)
			_, err = b.Stat(t.Context(), key)
			wantKind(t, err, fault.Invalid)
			wantKind(t, b.Delete(t.Context(), key), fault.Invalid)
		}
	})

	t.Run("a list comes in the order of bytes, page by page", func(t *testing.T) {
		b := open(t)
		keys := []string{"a-b", "a/b", "a/b.c", "a/bb/c", "a/bb/d", "a0", "b", "c/d/e/f", "é"}
		for _, i := range []int{3, 8, 0, 5, 2, 7, 1, 6, 4} {
			put(t, b, keys[i], keys[i])
		}
		wantKeys(t, b, "", "", 100, keys...)
		wantKeys(t, b, "", "", 2, "a-b", "a/b")
		wantKeys(t, b, "", "a/b", 2, "a/b.c", "a/bb/c")
		wantKeys(t, b, "", "a/c", 2, "a0", "b")
		wantKeys(t, b, "a/b", "", 100, "a/b", "a/b.c", "a/bb/c", "a/bb/d")
		wantKeys(t, b, "a/bb/", "a/bb/c", 100, "a/bb/d")
		wantKeys(t, b, "../", "", 100)
		wantKeys(t, b, "", "é", 100)
		wantKeys(t, b, "", "", 0)
		list, err := b.List(t.Context(), "b", "", 1)
		check(t, err)
		if len(list) != 1 || list[0].Size != 1 || list[0].Modified.IsZero() {
			t.Errorf("described as %+v", list)
		}
	})

	t.Run("many writers of one key leave one whole object", func(t *testing.T) {
		b := open(t)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				text := strings.Repeat(fmt.Sprintf("%02d", i), 5000)
				if err := b.Put(t.Context(), "dir/same", strings.NewReader(text), blob.Meta{}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got := get(t, b, "dir/same")
		if len(got) != 10000 || strings.Repeat(got[:2], 5000) != got {
			t.Errorf("%d bytes, beginning %.20q", len(got), got)
		}
	})

	t.Run("writers and deleters of neighbours do not disturb each other", func(t *testing.T) {
		b := open(t)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				key := fmt.Sprintf("same/dir/%d", i)
				for range 20 {
					if err := b.Put(t.Context(), key, strings.NewReader("x"), blob.Meta{}); err != nil {
						t.Error(err)
					}
					if err := b.Delete(t.Context(), key); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		wantKeys(t, b, "", "", 10)
	})

	t.Run("it behaves as a sorted map does", func(t *testing.T) {
		key := rapid.StringMatching(`k[a-c0-]{0,2}(/k[a-c-]?){0,2}`)
		rapid.Check(t, func(r *rapid.T) {
			b, model := open(t), map[string]string{}
			r.Repeat(map[string]func(*rapid.T){
				"put": func(r *rapid.T) {
					k, text := key.Draw(r, "key"), rapid.String().Draw(r, "text")
					err := b.Put(context.Background(), k, strings.NewReader(text), blob.Meta{})
					if err != nil && fault.Of(err) == fault.Conflict && continued(model, k) {
						return
					}
					check(r, err)
					model[k] = text
				},
				"delete": func(r *rapid.T) {
					k := key.Draw(r, "key")
					check(r, b.Delete(context.Background(), k))
					delete(model, k)
				},
				"list": func(r *rapid.T) {
					after, want := key.Draw(r, "after"), []string{}
					for k, text := range model {
						if k > after {
							want = append(want, k)
						}
						if got := get(r, b, k); got != text {
							r.Fatalf("%s: got %q, want %q", k, got, text)
						}
					}
					slices.Sort(want)
					wantKeys(r, b, "", after, len(model)+1, want...)
				},
			})
		})
	})
}

// continued says whether k continues a key of m at a slash, or one of them k.
func continued(m map[string]string, k string) bool {
	for other := range m {
		if strings.HasPrefix(other, k+"/") || strings.HasPrefix(k, other+"/") {
			return true
		}
	}
	return false
}

var notKeys = []string{
	"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", ".hidden", "a/.b", "a\\b", "a\x00b", "a\nb",
	"\xff", "a\u0085b", strings.Repeat("a", 201), strings.Repeat("a/", 512) + "a",
}

type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func check(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t tester, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != want {
		t.Fatalf("got %v, want a fault of kind %v", err, want)
	}
}

func put(t tester, b blob.Bucket, key, text string) {
	t.Helper()
	check(t, b.Put(context.Background(), key, strings.NewReader(text), blob.Meta{}))
}

func get(t tester, b blob.Bucket, key string) string {
	t.Helper()
	o, err := b.Get(context.Background(), key)
	check(t, err)
	defer o.Close()
	text, err := io.ReadAll(o)
	check(t, err)
	return string(text)
}

func wantKeys(t tester, b blob.Bucket, prefix, after string, limit int, want ...string) {
	t.Helper()
	list, err := b.List(context.Background(), prefix, after, limit)
	check(t, err)
	got := []string{}
	for _, info := range list {
		got = append(got, info.Key)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("List(%q, %q, %d): got %q, want %q", prefix, after, limit, got, want)
	}
}
