package engine

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// Notes that tell the engine's own access keys from those that operators make.
const (
	rootNote = "root"
	appNote  = "web app"
)

// credentials is one access key with its secret.
type credentials struct{ ID, Secret string }

func newCredentials() credentials {
	id := strings.ToUpper(arn.NewID(40))
	var secret [30]byte
	rand.Read(secret[:])
	return credentials{"AKIA" + id[:16], base64.RawStdEncoding.EncodeToString(secret[:])}
}

func (a *accessKeys) insert(ctx context.Context, c credentials, root bool, note, policy string) error {
	sealed, err := a.ring.Seal([]byte(c.Secret), "access-key/"+c.ID)
	if err != nil {
		return err
	}
	return a.db.InsertAccessKey(ctx, store.AccessKey{
		ID: c.ID, AccountID: a.account, Sealed: sealed, Root: root, Created: a.now(), Note: note, Policy: policy,
	})
}

// find gives the newest key with a note; not ok if there is none.
func (a *accessKeys) find(ctx context.Context, note string) (credentials, bool, error) {
	rows, err := a.db.AccessKeys(ctx)
	if err != nil {
		return credentials{}, false, err
	}
	for _, row := range slices.Backward(rows) {
		if row.Root && row.Note == note {
			secret, _, err := a.Secret(ctx, row.ID)
			return credentials{row.ID, secret}, err == nil, err
		}
	}
	return credentials{}, false, nil
}

// ensureApp gives the key that the web app signs with, made at first start.
func (a *accessKeys) ensureApp(ctx context.Context) (credentials, error) {
	c, ok, err := a.find(ctx, appNote)
	if ok || err != nil {
		return c, err
	}
	c = newCredentials()
	return c, a.insert(ctx, c, true, appNote, "")
}

// ensureRoot gives the operator's first key: the configured one, the one made at first start, or a
// new one.
func (a *accessKeys) ensureRoot(ctx context.Context, want credentials) (credentials, error) {
	if want.ID == "" {
		c, ok, err := a.find(ctx, rootNote)
		if ok || err != nil {
			return c, err
		}
		c = newCredentials()
		return c, a.insert(ctx, c, true, rootNote, "")
	}
	switch secret, who, err := a.Secret(ctx, want.ID); {
	case err == nil && secret == want.Secret && who.Root:
		return want, nil
	case err != nil && fault.Of(err) != fault.NotFound:
		return want, err
	}
	return want, a.replaceRoot(ctx, want)
}

// replaceRoot makes want the only root key: whoever configures a new one means to end the old.
func (a *accessKeys) replaceRoot(ctx context.Context, want credentials) error {
	defer a.drop(want.ID)
	return a.db.Tx(ctx, func(ctx context.Context) error {
		rows, err := a.db.AccessKeys(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Root && row.Note == rootNote || row.ID == want.ID {
				if err := a.db.DeleteAccessKey(ctx, row.ID); err != nil {
					return err
				}
			}
		}
		return a.insert(ctx, want, true, rootNote, "")
	})
}

// writeCredentials keeps the root key, and the region, in the form that AWS tools read, so that
// AWS_SHARED_CREDENTIALS_FILE=data/credentials is all they need.
func writeCredentials(dir, region string, c credentials) (path string, err error) {
	path = filepath.Join(dir, "credentials")
	text := "[default]\naws_access_key_id = " + c.ID + "\naws_secret_access_key = " + c.Secret + "\nregion = " + region + "\n"
	return path, writeFile(path, []byte(text), 0o600)
}

// writeFile replaces a file in one step, so that no reader and no crash sees half of it.
func writeFile(path string, data []byte, mode os.FileMode) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, data, mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// ensureHookSecret gives the configured secret of /hooks/*, or the one made at first start.
func ensureHookSecret(ctx context.Context, db *store.DB, ring *auth.Keyring, configured string) (string, error) {
	if configured != "" {
		return configured, nil
	}
	const name = "hook-secret"
	sealed, ok, err := db.Setting(ctx, name)
	if err != nil {
		return "", err
	}
	if ok {
		plain, err := ring.Open(sealed, name)
		return string(plain), err
	}
	var b [24]byte
	rand.Read(b[:])
	secret := hex.EncodeToString(b[:])
	if sealed, err = ring.Seal([]byte(secret), name); err != nil {
		return "", err
	}
	return secret, db.PutSetting(ctx, name, sealed)
}
