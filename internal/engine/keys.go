package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

const (
	keyTime      = time.Second // how long another process's change of a key may go unnoticed
	maxKnownKeys = 1024        // at which what is known of keys is read anew
	usedTime     = time.Minute // a key's last use is right to this
)

// accessKeys is the API's table of secrets: rows of the store, opened with the keyring. What it reads it
// knows for a second; what is changed through it holds at once. It is safe for concurrent use.
type accessKeys struct {
	db              *store.DB
	ring            *auth.Keyring
	account, region string
	dir             string // where the root key's credentials file is
	now             func() time.Time
	log             *slog.Logger

	mu      sync.Mutex
	known   map[string]knownKey
	drops   int                  // how often known keys were dropped: a row read before is not kept
	noted   map[string]time.Time // when a key's use was last noted
	used    []string             // keys whose use is to be written down, each once
	wakeUse chan struct{}
}

// knownKey is a key as it was some moments ago.
type knownKey struct {
	secret string
	who    auth.Principal
	read   time.Time
}

func newAccessKeys(db *store.DB, ring *auth.Keyring, cfg *Config, now func() time.Time, log *slog.Logger) *accessKeys {
	return &accessKeys{
		db: db, ring: ring, account: cfg.AccountID, region: cfg.Region, dir: cfg.DataDir, now: now, log: log,
		known: map[string]knownKey{}, noted: map[string]time.Time{}, wakeUse: make(chan struct{}, 1),
	}
}

// Secret implements auth.Secrets.
func (a *accessKeys) Secret(ctx context.Context, id string) (string, auth.Principal, error) {
	now := a.now()
	a.mu.Lock()
	k, ok := a.known[id]
	drops := a.drops
	a.mu.Unlock()
	if ok && now.Sub(k.read) < keyTime {
		return k.secret, k.who, nil
	}
	k, err := a.read(ctx, id)
	if err != nil {
		if ok && fault.Of(err) == fault.NotFound {
			a.drop(id)
		}
		return "", auth.Principal{}, err
	}
	k.read = now
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drops == drops {
		if len(a.known) >= maxKnownKeys {
			clear(a.known)
		}
		a.known[k.who.AccessKeyID] = k
	}
	return k.secret, k.who, nil
}

func (a *accessKeys) read(ctx context.Context, id string) (k knownKey, err error) {
	row, err := a.db.AccessKey(ctx, id)
	if err != nil {
		return k, err
	}
	secret, err := a.ring.Open(row.Sealed, "access-key/"+row.ID)
	if err != nil {
		return k, fmt.Errorf("open access key %s: %w", row.ID, err)
	}
	k = knownKey{secret: string(secret), who: auth.Principal{AccountID: row.AccountID, AccessKeyID: row.ID, Root: row.Root}}
	if row.Policy == "" {
		return k, nil
	}
	// A policy that cannot be read is not one that allows everything. What is wrong with it is for the log.
	if k.who.Policy, err = auth.ParsePolicy([]byte(row.Policy)); err != nil {
		return k, fmt.Errorf("the policy of access key %s: %s", row.ID, err.Error())
	}
	return k, nil
}

// drop forgets what is known of a key.
func (a *accessKeys) drop(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drops++
	delete(a.known, id)
	delete(a.noted, id)
}

// noteUse remembers that a key was used, to be written down by writeUses. It does not wait.
func (a *accessKeys) noteUse(id string) {
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.noted[id]; ok && now.Sub(last) < usedTime {
		return
	}
	if len(a.used) >= maxKnownKeys {
		return
	}
	a.noted[id] = now
	a.used = append(a.used, id)
	select {
	case a.wakeUse <- struct{}{}:
	default: // it is awake
	}
}

// writeUses writes down when keys were last used, until ctx ends; then what is left.
func (a *accessKeys) writeUses(ctx context.Context) error {
	for {
		select {
		case <-a.wakeUse:
			a.flushUses(ctx)
		case <-ctx.Done():
			a.flushUses(ctx)
			return nil
		}
	}
}

// flushUses takes what is to be written down and writes it, even if ctx ends meanwhile.
func (a *accessKeys) flushUses(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	a.mu.Lock()
	used := a.used
	a.used = nil
	a.mu.Unlock()
	for _, id := range used {
		if err := a.db.TouchAccessKey(ctx, id); err != nil {
			a.log.Warn("could not write down that an access key was used", "access_key", id, "err", err)
		}
	}
}
