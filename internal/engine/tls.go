package engine

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/streamcat/streamcat/internal/ingest"
	"github.com/streamcat/streamcat/internal/tlsport"
)

// certificateCheck is how often certificate files are looked at.
const certificateCheck = 10 * time.Second

// tlsOn says whether there is a TLS port at all.
func (c *Config) tlsOn() bool { return c.TLSCert != "" || c.ACMEDomains != "" }

// acmeDomains reads the names of the setting, without their order being changed.
func (c *Config) acmeDomains() []string {
	var out []string
	for name := range strings.SplitSeq(c.ACMEDomains, ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			out = append(out, name)
		}
	}
	return out
}

var hostName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (c *Config) checkTLS() error {
	switch {
	case c.TLSCert == "" && c.TLSKey != "":
		return &BadConfig{"tls-key", "set it together with tls-cert"}
	case c.TLSCert != "" && c.TLSKey == "":
		return &BadConfig{"tls-cert", "set it together with tls-key"}
	case c.TLSCert != "" && c.ACMEDomains != "":
		return &BadConfig{"acme-domains", "leave it out where tls-cert is set"}
	case c.ACMEDomains == "" && c.ACMEEmail != "":
		return &BadConfig{"acme-email", "it is for acme-domains, which is not set"}
	case c.ACMEDomains == "" && c.ACMECA != "":
		return &BadConfig{"acme-ca", "it is for acme-domains, which is not set"}
	case c.ACMEDomains != "" && len(c.acmeDomains()) == 0:
		return &BadConfig{"acme-domains", "names no domain"}
	case c.ACMEEmail != "" && !strings.Contains(c.ACMEEmail, "@"):
		return &BadConfig{"acme-email", fmt.Sprintf("%q is not an e-mail address", c.ACMEEmail)}
	}
	for _, name := range c.acmeDomains() {
		if !hostName.MatchString(name) {
			return &BadConfig{"acme-domains", fmt.Sprintf("%q is not the name of a host", name)}
		}
	}
	return wantURL("acme-ca", c.ACMECA, "https")
}

// secure is the TLS side of an engine.
type secure struct {
	ln   net.Listener
	conf *tls.Config
	host string // of the public URL, if none is configured
	acme *tlsport.ACME
}

// openTLS reads or prepares certificates and binds the port; it gives nil where no TLS is configured.
func (e *Engine) openTLS(plain net.Addr) (*secure, error) {
	cfg, log := &e.cfg, e.log.With("part", "tls")
	if !cfg.tlsOn() {
		return nil, nil
	}
	s := &secure{}
	var files *tlsport.Files
	var err error
	if cfg.TLSCert != "" {
		files, err = tlsport.OpenFiles(cfg.TLSCert, cfg.TLSKey, log, e.reg)
		var bad *tlsport.FileError
		if errors.As(err, &bad) && bad.Key {
			return nil, &BadConfig{"tls-key", bad.Error()}
		} else if err != nil {
			return nil, &BadConfig{"tls-cert", err.Error()}
		}
	}
	if s.ln, err = e.listen("https-addr", cfg.HTTPSAddr); err != nil {
		return nil, err
	}
	e.add("https listener", nil, closing(s.ln))
	if files != nil {
		s.conf = files.Config()
		s.host, _, _ = net.SplitHostPort(reachable(s.ln.Addr().String()))
		if leaf := files.Leaf(); leaf.VerifyHostname(s.host) != nil {
			for _, name := range leaf.DNSNames {
				if !strings.Contains(name, "*") {
					s.host = name
					break
				}
			}
		}
		e.runPart("certificate files", func(ctx context.Context) error { return files.Watch(ctx, certificateCheck) })
		return s, nil
	}
	domains := cfg.acmeDomains()
	s.host = domains[0]
	s.acme = tlsport.NewACME(tlsport.ACMEOptions{
		Domains: domains, Email: cfg.ACMEEmail, CA: cfg.ACMECA, Dir: filepath.Join(cfg.DataDir, "acme"),
		HTTPS: s.ln.Addr(), HTTP: plain, Log: log, Registerer: e.reg,
	})
	e.add("certificates", nil, func(context.Context) error {
		s.acme.Close()
		return nil
	})
	s.conf = s.acme.Config()
	return s, nil
}

// url is the public URL, if none is configured.
func (s *secure) url() string {
	_, port, _ := net.SplitHostPort(s.ln.Addr().String())
	if port == "443" {
		if strings.Contains(s.host, ":") {
			return "https://[" + s.host + "]"
		}
		return "https://" + s.host
	}
	return "https://" + net.JoinHostPort(s.host, port)
}

// serveTLS adds the port as parts: HTTP goes to h, RTMP to rtmp, TURN to the relay if there is one. Certificates are looked for once both serve,
// since the authority asks them.
func (e *Engine) serveTLS(s *secure, h http.Handler, rtmp *ingest.RTMP, by *relay) {
	log := e.log.With("part", "tls")
	o := tlsport.Options{Config: s.conf, RTMP: rtmp.ServeConn, Log: log, Registerer: e.reg}
	if by != nil {
		o.TURN = by.server.ServeConn
	}
	port := tlsport.New(s.ln, o)
	var serving sync.WaitGroup
	e.add("tls port", func(context.Context) error {
		serving.Go(func() {
			if err := port.Serve(); !errors.Is(err, net.ErrClosed) {
				e.fail("tls port", err)
			}
		})
		return nil
	}, func(context.Context) error {
		defer serving.Wait()
		return port.Close()
	})
	srv := e.newHTTP("https server", h)
	tlsport.Prepare(srv)
	e.serveHTTP("https server", port, srv) // stopping, it closes the port first
	if s.acme != nil {
		e.runPart("acme", s.acme.Run)
	}
}
