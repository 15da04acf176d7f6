package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/streamcat/streamcat/internal/media"
	"github.com/streamcat/streamcat/internal/store"
)

// Recover takes over the sessions that an earlier process of this node left open: those that were live wait
// for their encoders as after a lost line, the others are closed with the events that were still owed. It
// learns which viewers were revoked, too. It is called once, before anything is admitted.
func (m *Manager) Recover(ctx context.Context) error {
	if err := m.countRun(ctx); err != nil {
		return fmt.Errorf("count the runs: %w", err)
	}
	if err := m.hearRevocations(); err != nil {
		return fmt.Errorf("listen for revoked viewers: %w", err)
	}
	if err := m.rereadRevocations(ctx); err != nil {
		return fmt.Errorf("read the revoked viewers: %w", err)
	}
	open, err := m.d.DB.OpenStreamSessions(ctx)
	if err != nil {
		return fmt.Errorf("find open stream sessions: %w", err)
	}
	for _, row := range slices.Backward(open) { // the newest of a channel goes on
		if row.Node != m.d.Node {
			continue
		}
		var r Record
		if err := json.Unmarshal(row.Doc, &r); err != nil {
			// The other channels are not to wait until somebody has mended it.
			m.d.Log.Error("a stream session that the last run left open cannot be read", "stream", row.StreamID, "err", err)
			continue
		}
		if m.d.Reconnect > 0 && r.Live && m.resume(row, r) {
			m.d.Log.Info("a stream that the last run left open waits for its encoder", "channel", r.Channel.ID, "stream", row.StreamID)
			continue
		}
		if err := m.finish(ctx, &session{id: row.StreamID, spec: r.Channel}, m.d.Now(), ""); err != nil {
			return fmt.Errorf("close stream session %s: %w", row.StreamID, err)
		}
		m.d.Log.Info("closed a stream session that the last run left open", "channel", r.Channel.ID, "stream", row.StreamID)
	}
	m.wake()
	return nil
}

// resume lets a session of an earlier process go on: its encoder is lost. It gives false for one that cannot,
// since a newer one of its channel goes on already.
func (m *Manager) resume(row store.StreamSession, r Record) bool {
	c, err := m.open(r.Channel.ID)
	if err != nil {
		return false
	}
	defer m.done.Done()
	s := m.newSession(r.Channel, media.Publisher{Protocol: r.Protocol})
	c.mu.Lock()
	if c.session != nil {
		c.mu.Unlock()
		return false
	}
	s.begun = true
	s.id, s.started, s.dropped = row.StreamID, row.Started, s.created
	s.saidStarving.Store(r.Starving)
	s.pub.stream.Describe(media.Info{Encoder: r.Encoder})
	s.pub.stream.Stop(errCrashed)
	c.prepare(s)
	m.follow(s, s.pub)
	m.streams.Add(1)
	c.session, c.spec = s, s.spec
	c.mu.Unlock()
	m.mu.Lock()
	if m.closing { // Close has stopped what it saw; this one it did not see
		s.stop(errDraining)
	}
	m.mu.Unlock()
	m.done.Go(func() { m.run(c, s) })
	return true
}

const (
	discontinuitySetting = "channel.discontinuity"
	discontinuityStep    = 16
)

// countRun lets the discontinuity sequence numbers of this run's playlists begin above those of all runs
// before: a player may hold a playlist of any of them. A step leaves room for what happens to a channel
// within a run, and keeps the numbers as small as hls.Options wants them.
func (m *Manager) countRun(ctx context.Context) error {
	text, _, err := m.d.DB.Setting(ctx, discontinuitySetting)
	if err != nil {
		return err
	}
	last, _ := strconv.ParseUint(string(text), 10, 64) // zero before the first run
	m.mu.Lock()
	m.discontinuity = last
	m.mu.Unlock()
	return m.reserve(ctx, last+discontinuityStep)
}

// reserve writes down up to where this run counts.
func (m *Manager) reserve(ctx context.Context, upTo uint64) error {
	if err := m.d.DB.PutSetting(ctx, discontinuitySetting, strconv.AppendUint(nil, upTo, 10)); err != nil {
		return err
	}
	m.mu.Lock()
	m.reserved = upTo
	m.mu.Unlock()
	return nil
}
