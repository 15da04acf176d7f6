package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/fault"
)

// incoming holds objects while they are written. No key begins with a dot.
const incoming = ".incoming"

// Dir is a bucket in a directory: the object "a/b.ts" is the file a/b.ts in it. Nothing that a key says
// and no symbolic link leads out of the directory.
type Dir struct{ root *os.Root }

var _ Bucket = (*Dir)(nil)

// OpenDir opens the bucket in a directory and makes the directory where there is none. It removes
// what an earlier process left half-written; a directory is one process's.
func OpenDir(dir string) (*Dir, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	err = root.RemoveAll(incoming)
	if err == nil {
		err = root.Mkdir(incoming, 0o700)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Dir{root}, nil
}

// Close lets go of the directory. Nothing may be called after it; open objects stay readable.
func (d *Dir) Close() error { return d.root.Close() }

// Put writes an object.
func (d *Dir) Put(ctx context.Context, key string, r io.Reader, _ Meta) (err error) {
	if err := CheckKey(key); err != nil {
		return err
	}
	temporary := path.Join(incoming, arn.NewID(20))
	f, err := d.root.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return failed(key, err)
	}
	defer func() {
		if err != nil {
			_ = d.root.Remove(temporary)
		}
	}()
	_, err = io.Copy(f, reader{ctx, r})
	if err == nil {
		err = f.Sync() // or a crash of the machine could leave the name without the bytes
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = d.rename(temporary, key)
	}
	return failed(key, err)
}

// rename moves a written file to its key. A directory on the way may vanish in between, with the last
// object in it: then once more. Only a neighbour deleted at the very moment, again and again, or a key
// that continues this one would use up the tries.
func (d *Dir) rename(temporary, key string) (err error) {
	for range 100 {
		if err = d.root.MkdirAll(path.Dir(key), 0o700); err == nil {
			if err = d.root.Rename(temporary, key); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Get opens an object.
func (d *Dir) Get(_ context.Context, key string) (*Object, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	f, err := d.root.Open(key)
	if err != nil {
		return nil, unread(key, err)
	}
	info, err := regular(f.Stat())
	if err != nil {
		f.Close()
		return nil, unread(key, err)
	}
	return &Object{f, infoOf(key, info)}, nil
}

// Stat describes an object.
func (d *Dir) Stat(_ context.Context, key string) (Info, error) {
	if err := CheckKey(key); err != nil {
		return Info{}, err
	}
	info, err := regular(d.root.Stat(key))
	if err != nil {
		return Info{}, unread(key, err)
	}
	return infoOf(key, info), nil
}

// regular lets only files pass: a directory is no object.
func regular(info fs.FileInfo, err error) (fs.FileInfo, error) {
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	return info, err
}

func infoOf(key string, info fs.FileInfo) Info {
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime().UTC()}
}

// Delete removes an object, and the directories that are empty then.
func (d *Dir) Delete(_ context.Context, key string) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	_, err := regular(d.root.Stat(key))
	if err == nil {
		err = d.root.Remove(key)
	}
	if err = unread(key, err); fault.Of(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		if d.root.Remove(dir) != nil { // not empty
			break
		}
	}
	return nil
}

// List describes objects in order.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	l := &listing{root: d.root, ctx: ctx, prefix: prefix, after: after, limit: limit}
	if limit < 1 {
		return nil, nil
	}
	if err := l.walk("."); err != nil && err != errFull {
		return nil, err
	}
	return l.found, nil
}

var errFull = errors.New("limit reached")

type listing struct {
	root          *os.Root
	ctx           context.Context
	prefix, after string
	limit         int
	found         []Info
}

// walk adds the objects in dir, skipping directories that cannot hold any that is asked for.
func (l *listing) walk(dir string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(l.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) { // deleted meanwhile
		return nil
	}
	if err != nil {
		return fmt.Errorf("list objects: %w", err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(sortName(a), sortName(b)) })
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if key := path.Join(dir, e.Name()); e.IsDir() {
			err = l.enter(key)
		} else {
			err = l.add(key, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sortName puts a directory where the keys in it belong: "a-b" comes before "a/b".
func sortName(e fs.DirEntry) string {
	if e.IsDir() {
		return e.Name() + "/"
	}
	return e.Name()
}

func (l *listing) enter(dir string) error {
	inside := dir + "/"
	if !strings.HasPrefix(inside, l.prefix) && !strings.HasPrefix(l.prefix, inside) {
		return nil
	}
	if inside < l.after && !strings.HasPrefix(l.after, inside) {
		return nil
	}
	return l.walk(dir)
}

func (l *listing) add(key string, e fs.DirEntry) error {
	if !strings.HasPrefix(key, l.prefix) || key <= l.after {
		return nil
	}
	info, err := e.Info()
	if err != nil || !info.Mode().IsRegular() { // deleted meanwhile, or nothing of ours
		return nil
	}
	if l.found = append(l.found, infoOf(key, info)); len(l.found) == l.limit {
		return errFull
	}
	return nil
}

// failed makes an error of writing what callers can act on.
func failed(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return fault.InConflict("another object's key continues %s, or is continued by it", key).Because(err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Down("the disk is full").Because(err)
	}
	return fmt.Errorf("object %s: %w", key, err)
}

// unread makes an error of reading what callers can act on.
func unread(key string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return fault.Missing("object %s does not exist", key)
	}
	return fmt.Errorf("object %s: %w", key, err)
}
