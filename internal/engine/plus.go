package engine

import (
	"net/http"
	"net/netip"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/bus"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/plus"
	"github.com/streamcat/streamcat/internal/room"
	"github.com/streamcat/streamcat/internal/store"
)

// newPlus makes the API for what IVS has no word for, and adds the part that tells webhooks.
func (e *Engine) newPlus(db *store.DB, messages *bus.Bus, ring *auth.Keyring, keys *accessKeys, auditLog *store.AuditLog, rooms *room.Manager, clientAddr func(*http.Request) netip.AddrPort) http.Handler {
	webhooks := hook.NewWebhooks(hook.WebhooksDeps{
		DB: db, Bus: messages, Keyring: ring, Account: e.cfg.AccountID, Region: e.cfg.Region,
		Log: e.log.With("part", "webhooks"), Registerer: e.reg,
	})
	e.runPart("webhooks", webhooks.Run)
	return plus.NewService(plus.Deps{
		DB: db, Webhooks: webhooks,
		Verifier:   &auth.SigV4{Region: e.cfg.Region, Services: []string{plus.SigningName}, Secrets: keys, Used: keys.noteUse},
		Minter:     arn.Minter{Region: e.cfg.Region, Account: e.cfg.AccountID},
		AccessKeys: Keys{keys}, Streams: e.channels, History: rooms, Rooms: rooms,
		Audit: auditLog, ClientAddr: clientAddr, Log: e.log.With("part", "plus"), Registerer: e.reg,
	})
}
