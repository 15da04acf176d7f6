package channel

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// Recover closes the sessions that an earlier process of this node left open, with the events that
// were still owed, and learns which viewers were revoked. It is called once, before anything is admitted.
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
	for _, row := range open {
		if row.Node != m.d.Node {
			continue
		}
		var r Record
		if err := json.Unmarshal(row.Doc, &r); err != nil {
			return fmt.Errorf("stream session %s: %w", row.StreamID, err)
		}
		if err := m.finish(ctx, &session{id: row.StreamID, spec: r.Channel}, m.d.Now(), ""); err != nil {
			return fmt.Errorf("close stream session %s: %w", row.StreamID, err)
		}
		m.d.Log.Info("closed a stream session that the last run left open", "channel", r.Channel.ID, "stream", row.StreamID)
	}
	m.wake()
	return nil
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
