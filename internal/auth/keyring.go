package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Keyring holds the server's own secrets. They are made at the first start and kept in one directory,
// readable by the owner only; losing that directory makes every sealed value and every issued token
// worthless. A Keyring is safe for concurrent use.
type Keyring struct {
	dir    string
	master []byte
	aead   cipher.AEAD
	digest []byte
}

const (
	masterFile = "master.key"
	sealFormat = 1 // first byte of a sealed value
)

// OpenKeyring reads the keys in dir and makes what is missing. A key file that others may read is an
// error: it may be known to them already.
func OpenKeyring(dir string) (*Keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	k := &Keyring{dir: dir}
	text, err := k.file(masterFile, func() ([]byte, error) {
		b := make([]byte, 32)
		rand.Read(b)
		return []byte(hex.EncodeToString(b) + "\n"), nil
	})
	if err != nil {
		return nil, err
	}
	if k.master, err = hex.DecodeString(strings.TrimSpace(string(text))); err != nil || len(k.master) != 32 {
		return nil, fmt.Errorf("keyring: %s does not hold 32 bytes in hexadecimal", filepath.Join(dir, masterFile))
	}
	block, err := aes.NewCipher(k.derive("seal"))
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	k.digest = k.derive("digest")
	return k, nil
}

// Seal encrypts plain with AES-256-GCM. The context says what the value is and whose (such as
// "access-key AKIA…"); Open must be given the same, so a sealed value moved elsewhere does not open.
func (k *Keyring) Seal(plain []byte, context string) ([]byte, error) {
	size := k.aead.NonceSize()
	out := make([]byte, 1+size, 1+size+len(plain)+k.aead.Overhead())
	out[0] = sealFormat
	rand.Read(out[1:])
	return k.aead.Seal(out, out[1:1+size], plain, []byte(context)), nil
}

// Open decrypts what Seal made. The error does not tell a wrong key from a wrong context or a changed
// value, because the cipher cannot.
func (k *Keyring) Open(sealed []byte, context string) ([]byte, error) {
	size := k.aead.NonceSize()
	if len(sealed) < 1+size+k.aead.Overhead() || sealed[0] != sealFormat {
		return nil, errors.New("sealed value has an unknown form")
	}
	plain, err := k.aead.Open(nil, sealed[1:1+size], sealed[1+size:], []byte(context))
	if err != nil {
		return nil, errors.New("sealed value does not open with this server's key")
	}
	return plain, nil
}

// Digest gives the HMAC-SHA-256 of value in hexadecimal, by which a secret can be looked up without
// being stored. The purpose keeps digests of different things apart.
func (k *Keyring) Digest(purpose, value string) string {
	h := hmac.New(sha256.New, k.digest)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write([]byte(value))
	return hex.EncodeToString(h.Sum(nil))
}

// derive gives the 32-byte key for one purpose.
func (k *Keyring) derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.master, nil, "streamcat "+purpose, 32)
	if err != nil {
		panic("32 bytes are always derivable from a master key: " + err.Error())
	}
	return key
}

// file reads one key file, or makes it if there is none. Two processes that start at once end up with
// the same content: the file appears whole or not at all, and only the first one's stays.
func (k *Keyring) file(name string, make func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(k.dir, name)
	b, err := readPrivate(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if b, err = make(); err != nil {
		return nil, fmt.Errorf("keyring: make %s: %w", name, err)
	}
	tmp, err := os.CreateTemp(k.dir, "."+name+"-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(b)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return nil, fmt.Errorf("keyring: write %s: %w", name, err)
	}
	// A link fails if the name is taken, where a rename would replace the other process's key.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if d, err := os.Open(k.dir); err == nil {
		_ = d.Sync() // best effort: not every file system can
		_ = d.Close()
	}
	return readPrivate(path)
}

func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keyring: %s may be read by others (mode %04o): make new keys, or chmod 600 if nobody saw it", path, info.Mode().Perm())
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	return b, nil
}
