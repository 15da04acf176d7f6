package engine

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/plus"
	"github.com/streamcat/streamcat/internal/store"
)

// maxKeys is how many access keys there may be.
const maxKeys = 1000

// AccessKey is what may be shown of an access key.
type AccessKey = plus.AccessKey

func shown(row store.AccessKey) AccessKey {
	k := AccessKey{ID: row.ID, Note: row.Note, Created: row.Created, LastUsed: row.LastUsed, Root: row.Root}
	if row.Policy != "" {
		k.Policy = json.RawMessage(row.Policy)
	}
	return k
}

// Keys manages access keys. A change holds at once in this process, and within a second in others.
type Keys struct{ keys *accessKeys }

var _ plus.AccessKeys = Keys{}

// WithKeys opens the store that cfg names for as long as use runs, whether or not a server runs on it.
func WithKeys(ctx context.Context, cfg Config, use func(Keys) error) (err error) {
	if err := cfg.Check(); err != nil {
		return err
	}
	if cfg.Ephemeral {
		return &BadConfig{"ephemeral", "an ephemeral server's keys go with it"}
	}
	if err := cfg.prepareDataDir(); err != nil {
		return &BadConfig{"data-dir", err.Error()}
	}
	ring, err := auth.OpenKeyring(filepath.Join(cfg.DataDir, "keys"))
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, cfg.databaseURL(), store.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(Keys{newAccessKeys(db, ring, &cfg, time.Now, slog.New(slog.DiscardHandler))})
}

// List gives all keys, oldest first, without their secrets.
func (k Keys) List(ctx context.Context) ([]AccessKey, error) {
	rows, err := k.keys.db.AccessKeys(ctx)
	var out []AccessKey
	for _, row := range rows {
		out = append(out, shown(row))
	}
	return out, err
}

// Get gives one key.
func (k Keys) Get(ctx context.Context, id string) (AccessKey, error) {
	row, err := k.keys.db.AccessKey(ctx, id)
	return shown(row), err
}

// Create makes a key. Without a policy it may do everything. Its secret cannot be shown again.
func (k Keys) Create(ctx context.Context, note string, policy json.RawMessage) (key AccessKey, secret string, err error) {
	switch {
	case note == appNote || note == rootNote:
		return key, "", fault.InvalidInput("the note %q is taken by the server's own key", note)
	case utf8.RuneCountInString(note) > 256 || !utf8.ValidString(note) || strings.ContainsFunc(note, unicode.IsControl):
		return key, "", fault.InvalidInput("the note must be text of at most 256 characters, in one line")
	}
	text, err := printedPolicy(policy)
	if err != nil {
		return key, "", err
	}
	return k.add(ctx, false, note, text)
}

// add makes a key, unless there are too many.
func (k Keys) add(ctx context.Context, root bool, note, policy string) (key AccessKey, secret string, err error) {
	c := newCredentials()
	err = k.keys.db.Tx(ctx, func(ctx context.Context) error {
		rows, err := k.keys.db.AccessKeys(ctx)
		if err != nil {
			return err
		}
		if len(rows) >= maxKeys {
			return fault.OverQuota(maxKeys, "there are %d access keys already", len(rows))
		}
		if err := k.keys.insert(ctx, c, root, note, policy); err != nil {
			return err
		}
		key, err = k.Get(ctx, c.ID)
		return err
	})
	return key, c.Secret, err
}

// printedPolicy checks a policy and gives the form in which it is kept: empty for none.
func printedPolicy(policy json.RawMessage) (string, error) {
	if policy == nil {
		return "", nil
	}
	p, err := auth.ParsePolicy(policy)
	if err != nil {
		return "", err
	}
	return p.String(), nil
}

// SetPolicy replaces what a key may do; nil lets it do everything. The server's own keys may always.
func (k Keys) SetPolicy(ctx context.Context, id string, policy json.RawMessage) error {
	text, err := printedPolicy(policy)
	if err != nil {
		return err
	}
	row, err := k.keys.db.AccessKey(ctx, id)
	if err != nil {
		return err
	}
	if row.Root {
		return fault.InConflict("access key %s is the server's own (%s) and may do everything", id, row.Note)
	}
	defer k.keys.drop(id)
	return k.keys.db.SetAccessKeyPolicy(ctx, id, text)
}

// Rotate makes a new key with the note and the policy of an old one. The old one lives on until it is deleted.
// A new root key is in the credentials file at once.
func (k Keys) Rotate(ctx context.Context, id string) (key AccessKey, secret string, err error) {
	row, err := k.keys.db.AccessKey(ctx, id)
	if err != nil {
		return key, "", err
	}
	if row.Root && row.Note == appNote {
		return key, "", fault.InConflict("access key %s is the web app's own", id)
	}
	key, secret, err = k.add(ctx, row.Root, row.Note, row.Policy)
	if err == nil && row.Root {
		_, err = writeCredentials(k.keys.dir, k.keys.region, credentials{key.ID, secret})
	}
	return key, secret, err
}

// Delete ends a key. The web app's own is not for deleting: the app would be locked out.
func (k Keys) Delete(ctx context.Context, id string) error {
	row, err := k.keys.db.AccessKey(ctx, id)
	if err != nil {
		return err
	}
	if row.Root && row.Note == appNote {
		return fault.InConflict("access key %s is the web app's own", id)
	}
	defer k.keys.drop(id)
	return k.keys.db.DeleteAccessKey(ctx, id)
}
