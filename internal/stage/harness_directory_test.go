package stage_test

import (
	"context"
	"crypto/ecdsa"
	"sync"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/stage"
)

// directory knows which stages exist.
type directory struct {
	mu      sync.Mutex
	stages  map[string]bool
	signers map[string]*ecdsa.PublicKey
	buckets map[string]string       // to which stages record
	keys    map[string]stage.Ingest // by stream key
	err     error                   // what it answers instead
	judged  func()                  // called once, when a publisher was judged and is not let in yet
}

func (d *directory) PublicKey(_ context.Context, name string) (*ecdsa.PublicKey, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := d.signers[name]
	if d.err == nil && key == nil {
		return nil, fault.Missing("public-key %s does not exist", name)
	}
	return key, d.err
}

func (d *directory) RecordingBucket(_ context.Context, name string, _ bool) (string, error) {
	d.mu.Lock()
	judged := d.judged
	d.judged = nil
	d.mu.Unlock()
	if judged != nil {
		judged()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.buckets[name], d.err
}

func (d *directory) ByIngestKey(_ context.Context, key string) (stage.Ingest, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, ok := d.keys[key]
	if d.err == nil && !ok {
		return in, fault.Missing("no ingest configuration has this stream key")
	}
	return in, d.err
}

func (d *directory) AttachedTo(_ context.Context, name string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, in := range d.keys {
		if in.ARN == name {
			return in.StageARN, d.err
		}
	}
	return "", d.err
}

// attach changes the stage of all keys of an ingest configuration.
func (d *directory) attach(name, to string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, in := range d.keys {
		if in.ARN == name {
			in.StageARN = to
			d.keys[key] = in
		}
	}
}

func (d *directory) Stage(_ context.Context, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.err != nil:
		return d.err
	case !d.stages[name]:
		return fault.Missing("stage %s does not exist", name)
	}
	return nil
}

func (d *directory) set(name string, exists bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stages[name] = exists
}

func (d *directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}
