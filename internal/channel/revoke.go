package channel

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hls"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	revokedSubject = "channel.revoked"
	// A revocation is kept until nothing it speaks of can be left: a token with a viewer in it begins a
	// session within ten minutes, and no session lasts longer than sessionLife. An hour is for clocks.
	revocationLife = sessionLife + time.Hour
	rereadEvery    = 5 * time.Second // what the bus may have lost
	clocksApart    = time.Minute     // how far those of nodes may be, and how long a transaction may take
)

var errRevoked = fault.AccessDenied("the viewer's session was revoked")

type viewerKey struct{ channelARN, viewerID string }

// revocations knows who was revoked, and the requests of those who can be.
type revocations struct {
	mu   sync.RWMutex
	upTo map[viewerKey]store.ViewerRevocation
	open map[*request]struct{}
}

// request is one that may have to end early.
type request struct {
	viewer  viewerKey
	version int64
	cut     context.CancelCauseFunc
}

// holds says whether a viewer's sessions of a version are revoked.
func (r *revocations) holds(channelARN, viewerID string, version int64) bool {
	if viewerID == "" {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	known, ok := r.upTo[viewerKey{channelARN, viewerID}]
	return ok && version <= known.Version
}

// watch gives a context that ends with hls.ErrRefused when the viewer is revoked; at once if that
// happened already. The caller calls done when the request is answered.
func (r *revocations) watch(ctx context.Context, channelARN string, g grant) (_ context.Context, done func()) {
	ctx, cut := context.WithCancelCause(ctx)
	q := &request{viewerKey{channelARN, g.Viewer}, g.Version, cut}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.upTo[q.viewer]; ok && g.Version <= known.Version {
		cut(hls.ErrRefused)
	}
	if r.open == nil {
		r.open = map[*request]struct{}{}
	}
	r.open[q] = struct{}{}
	return ctx, func() {
		r.mu.Lock()
		delete(r.open, q)
		r.mu.Unlock()
		cut(context.Canceled)
	}
}

// apply takes a revocation over and cuts the requests that it is about. It is cheap for what is known.
func (r *revocations) apply(v store.ViewerRevocation) {
	key := viewerKey{v.ChannelARN, v.ViewerID}
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.upTo[key]
	if ok {
		v.Version = max(v.Version, known.Version)
		if v.Time.Before(known.Time) {
			v.Time = known.Time
		}
	}
	if r.upTo == nil {
		r.upTo = map[viewerKey]store.ViewerRevocation{}
	}
	r.upTo[key] = v
	if ok && v.Version == known.Version {
		return // they are cut already
	}
	for q := range r.open {
		if q.viewer == key && q.version <= v.Version {
			q.cut(hls.ErrRefused)
		}
	}
}

// forget drops revocations from before the given time.
func (r *revocations) forget(before time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, v := range r.upTo {
		if v.Time.Before(before) {
			delete(r.upTo, key)
		}
	}
}

// Revoke ends what a viewer watches of a channel by tokens of a session version up to upTo, and refuses
// such tokens from now on, on all nodes and over restarts. The channel need not be live, and nobody need
// ever have heard of the viewer.
func (m *Manager) Revoke(ctx context.Context, channelARN, viewerID string, upTo int64) error {
	v := store.ViewerRevocation{ChannelARN: channelARN, ViewerID: viewerID, Version: upTo, Time: m.d.Now()}
	if err := m.d.DB.RevokeViewer(ctx, v); err != nil {
		return err
	}
	m.revoked.apply(v)
	message, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := m.d.Bus.Publish(revokedSubject, message); err != nil {
		m.d.Log.Warn("could not tell other nodes of a revoked viewer; they will read it", "err", err)
	}
	return nil
}

// hearRevocations takes over what other nodes revoke, from now on.
func (m *Manager) hearRevocations() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hearing != nil {
		return nil
	}
	sub, err := m.d.Bus.Subscribe(revokedSubject, func(message bus.Message) {
		var v store.ViewerRevocation
		if err := json.Unmarshal(message.Data, &v); err != nil {
			m.d.Log.Warn("a message about a revoked viewer cannot be read", "err", err)
			return
		}
		m.revoked.apply(v)
	})
	m.hearing = sub
	return err
}

// keepReading reads revocations again and again. It stands beside the housekeeping, which a slow database
// must not hold up.
func (m *Manager) keepReading(ctx context.Context) {
	tick := time.NewTicker(rereadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := m.rereadRevocations(ctx); err != nil && ctx.Err() == nil {
			m.d.Log.Warn("could not read the revoked viewers, trying again", "err", err)
		}
	}
}

// reading remembers when revocations were last read and trimmed.
type reading struct {
	mu            sync.Mutex
	read, trimmed time.Time
}

// rereadRevocations takes over what was written down since they were last read, and forgets what is of no
// use any more.
func (m *Manager) rereadRevocations(ctx context.Context) error {
	m.reading.mu.Lock()
	defer m.reading.mu.Unlock()
	now := m.d.Now()
	useless := now.Add(-revocationLife)
	since := m.reading.read.Add(-clocksApart)
	if since.Before(useless) {
		since = useless
	}
	list, err := m.d.DB.ViewerRevocations(ctx, since)
	if err != nil {
		return err
	}
	for _, v := range list {
		m.revoked.apply(v)
	}
	m.reading.read = now
	if now.Sub(m.reading.trimmed) > time.Hour {
		if _, err := m.d.DB.TrimViewerRevocations(ctx, useless); err != nil {
			return err
		}
		m.revoked.forget(useless)
		m.reading.trimmed = now
	}
	return nil
}
