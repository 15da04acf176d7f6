// Package blob keeps objects, sequences of bytes that are written once and read as a whole or in part,
// under keys: recordings, thumbnails, chat logs, uploads. A bucket is a directory, or an object store
// behind the same interface and held to the same tests.
package blob

import (
	"context"
	"io"
	"path"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// Bucket is a set of objects by key. It is safe for concurrent use.
//
// A key is one or more words with a slash between, at most 1024 bytes of UTF-8 in all and 200 per word.
// A word is not empty, does not begin with a dot, and holds neither control characters nor backslashes.
// Any other key is Invalid, whatever is asked for it; no key leads out of the bucket. No key may
// continue another one at a slash: with "a" there can be no "a/b", which is a Conflict where the
// bucket notices.
type Bucket interface {
	// Put writes an object as a whole: readers see what was there before, or all that r gave. If r or
	// the bucket fails, or ctx ends, nothing changes.
	Put(ctx context.Context, key string, r io.Reader, m Meta) error
	// Get opens an object. Absence is NotFound. The caller closes it; what it reads stays the same
	// though the object is replaced or deleted meanwhile.
	Get(ctx context.Context, key string) (*Object, error)
	// Stat describes an object. Absence is NotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// List describes at most limit objects whose keys begin with prefix and come after the given key,
	// in the order of the keys' bytes. prefix and after are any strings; after "" comes everything.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)
	// Delete removes an object. Absence is no error.
	Delete(ctx context.Context, key string) error
}

// Meta is told with an object to whoever serves it from where it lies. A bucket need not give it back:
// readers tell the type of an object from its key.
type Meta struct {
	ContentType string // empty: as the key's extension says
}

// Info describes an object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Object is an open object.
type Object struct {
	io.ReadSeekCloser
	Info
}

const (
	maxKey  = 1024
	maxWord = 200
)

// CheckKey gives the Invalid fault for a string that is no key.
func CheckKey(key string) error {
	if key == "" || len(key) > maxKey || !utf8.ValidString(key) {
		return fault.InvalidInput("an object's key has 1 to %d bytes of UTF-8", maxKey)
	}
	for word := range strings.SplitSeq(key, "/") {
		if word == "" || word[0] == '.' || len(word) > maxWord || strings.ContainsFunc(word, forbidden) {
			return fault.InvalidInput("%q is no key for an object", path.Base(key))
		}
	}
	return nil
}

func forbidden(r rune) bool { return r == '\\' || unicode.IsControl(r) }
