package tlsport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Files is a certificate in two PEM files, taken anew when they change.
type Files struct {
	certPath, keyPath string
	log               *slog.Logger
	seen              string // both files as last looked at, good or not
	current           atomic.Pointer[tls.Certificate]
}

// FileError says which of the two files is at fault.
type FileError struct {
	Key bool // it is the key's; otherwise the certificate's
	Err error
}

func (e *FileError) Error() string { return e.Err.Error() }

// OpenFiles reads a certificate (with the chain that belongs to it) and its private key; its error is a *FileError.
func OpenFiles(cert, key string, log *slog.Logger, r prometheus.Registerer) (*Files, error) {
	f := &Files{certPath: cert, keyPath: key, log: log}
	if _, err := f.reload(); err != nil {
		return nil, err
	}
	measureExpiry(r, func() time.Time { return f.Leaf().NotAfter })
	return f, nil
}

// Config shows the newest certificate.
func (f *Files) Config() *tls.Config {
	return &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return f.current.Load(), nil }}
}

// Leaf is the certificate that is shown.
func (f *Files) Leaf() *x509.Certificate { return f.current.Load().Leaf }

// Watch looks at the files until ctx ends. What cannot be used is logged once, and the old certificate stays.
// Contents are compared, not times: a link to another file is a change, too.
func (f *Files) Watch(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		switch changed, err := f.reload(); {
		case err != nil && changed:
			f.log.Error("the changed TLS certificate cannot be used: the old one stays", "err", err, "expires", f.Leaf().NotAfter)
		case changed:
			f.log.Info("TLS certificate reloaded", "expires", f.Leaf().NotAfter)
		}
	}
}

// reload takes the files if they are not those of the last time.
func (f *Files) reload() (changed bool, err error) {
	pair, seen, err := f.read()
	if seen == f.seen {
		return false, nil
	}
	f.seen = seen
	if err != nil {
		return true, err
	}
	if end := pair.Leaf.NotAfter; time.Until(end) < 0 {
		f.log.Warn("the TLS certificate has expired", "expired", end)
	}
	f.current.Store(pair)
	return true, nil
}

// read gives what the files hold, and what tells it from what they held before.
func (f *Files) read() (pair *tls.Certificate, seen string, err error) {
	cert, err := os.ReadFile(f.certPath)
	if err != nil {
		return nil, err.Error(), &FileError{false, err}
	}
	key, err := os.ReadFile(f.keyPath)
	if err != nil {
		return nil, err.Error(), &FileError{true, err}
	}
	seen = string(cert) + "\x00" + string(key)
	if _, err := leafOf(cert); err != nil {
		return nil, seen, &FileError{false, err}
	}
	both, err := tls.X509KeyPair(cert, key) // none of its errors repeats anything of the key
	if err != nil {
		return nil, seen, &FileError{true, fmt.Errorf("not the private key of the certificate: %w", err)}
	}
	return &both, seen, nil
}

// leafOf reads the first certificate of a PEM file.
func leafOf(text []byte) (*x509.Certificate, error) {
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil:
			return nil, errors.New("there is no certificate in PEM in it")
		case block.Type == "CERTIFICATE":
			return x509.ParseCertificate(block.Bytes)
		}
		text = rest
	}
}
