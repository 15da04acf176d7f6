package bus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/streamcat/streamcat/internal/fault"
)

// maxBucket bounds one bucket of keys and values.
const maxBucket = 16 << 20

// KV is a bucket of keys and values that all nodes share. Each write gives its key a revision; a write
// that names the revision it follows is refused if another came between. So a lease is a key: who
// creates it holds it, and fences its writes elsewhere with the revision.
type KV struct{ bucket jetstream.KeyValue }

// Entry is what a key holds.
type Entry struct {
	Key      string
	Value    []byte
	Revision uint64
	Deleted  bool // the key is gone: deleted, or its time was over
}

// KV opens a bucket, making it where it does not exist yet. With a ttl, a key that was not written for
// that long is gone, and the bucket lives in the servers' memory; without, it is kept on disk. Bucket
// names are letters, digits, dashes and underscores.
func (b *Bus) KV(ctx context.Context, bucket string, ttl time.Duration) (*KV, error) {
	js, err := jetstream.New(b.conn)
	if err != nil {
		return nil, explain(err)
	}
	config := jetstream.KeyValueConfig{Bucket: bucket, TTL: ttl, MaxBytes: maxBucket, Storage: jetstream.FileStorage}
	if ttl > 0 {
		config.Storage = jetstream.MemoryStorage
		config.LimitMarkerTTL = max(ttl, time.Second) // watchers hear of a key whose time is over
	}
	kv, err := js.CreateOrUpdateKeyValue(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("bus: open bucket %s: %w", bucket, explainJetStream(err))
	}
	return &KV{kv}, nil
}

// Create writes a key that must not exist, and gives its revision. It is a Conflict if it does.
func (k *KV) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := k.bucket.Create(ctx, key, value)
	return revision, k.explain(err, key)
}

// Get reads a key. Absence is NotFound.
func (k *KV) Get(ctx context.Context, key string) (Entry, error) {
	e, err := k.bucket.Get(ctx, key)
	if err != nil {
		return Entry{}, k.explain(err, key)
	}
	return entry(e), nil
}

// Put writes a key, whatever it held, and gives its revision.
func (k *KV) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	revision, err := k.bucket.Put(ctx, key, value)
	return revision, k.explain(err, key)
}

// Update writes a key whose revision must still be the given one, and gives its new revision. It is a
// Conflict if it is not.
func (k *KV) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	next, err := k.bucket.Update(ctx, key, value, revision)
	return next, k.explain(err, key)
}

// Delete removes a key, if its revision is still the given one; 0 means whatever it is. It is a Conflict
// if it is not. An absent key is no error.
func (k *KV) Delete(ctx context.Context, key string, revision uint64) error {
	var options []jetstream.KVDeleteOpt
	if revision > 0 {
		options = append(options, jetstream.LastRevision(revision))
	}
	return k.explain(k.bucket.Delete(ctx, key, options...), key)
}

// Keys gives all keys, in no order.
func (k *KV) Keys(ctx context.Context) ([]string, error) {
	keys, err := k.bucket.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	return keys, k.explain(err, "*")
}

// Watch gives the keys that match as they are, and then each change, until ctx ends, which is no
// error. In keys, "*" stands for one word between dots and a last ">" for any rest.
func (k *KV) Watch(ctx context.Context, keys string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		w, err := k.bucket.Watch(ctx, keys)
		if err != nil {
			yield(Entry{}, k.explain(err, keys))
			return
		}
		defer w.Stop()
		for {
			select {
			case e, ok := <-w.Updates():
				if !ok {
					return
				}
				if e == nil { // all that was there has come
					continue
				}
				if !yield(entry(e), nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func entry(e jetstream.KeyValueEntry) Entry {
	return Entry{Key: e.Key(), Value: e.Value(), Revision: e.Revision(), Deleted: e.Operation() != jetstream.KeyValuePut}
}

func (k *KV) explain(err error, key string) error {
	var api *jetstream.APIError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return fault.Missing("key %s does not exist", key)
	case errors.Is(err, jetstream.ErrKeyExists),
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		return fault.InConflict("key %s was changed by another", key).Because(err)
	}
	return explainJetStream(err)
}

func explainJetStream(err error) error {
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
		return fault.Down("the bus keeps no keys just now").Because(err)
	}
	return explain(err)
}
