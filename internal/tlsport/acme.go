package tlsport

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

// ACMEOptions are for NewACME.
type ACMEOptions struct {
	Domains []string // names to have certificates for; the first is shown to clients that name none
	Email   string   // of the account, so that the authority can warn; may be empty
	CA      string   // address of the authority's directory; empty: Let's Encrypt
	Dir     string   // where account, keys and certificates are kept
	HTTPS   net.Addr // of the Port; the authority's TLS-ALPN challenge must reach it by port 443
	HTTP    net.Addr // of the plain listener; the HTTP challenge must reach it by port 80

	Log        *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are kept nowhere
}

// ACME gets certificates from an authority (RFC 8555) and renews them. Either challenge is enough: HTTP
// (RFC 8555, section 8.3), which Challenges answers, or TLS-ALPN (RFC 8737), which Config does.
type ACME struct {
	domains []string
	magic   *certmagic.Config
	cache   *certmagic.Cache
	issuer  *certmagic.ACMEIssuer
}

// NewACME opens what is kept of earlier runs. Run does the work; Close ends it.
func NewACME(o ACMEOptions) *ACME {
	log := zap.New(zapToSlog{log: o.Log})
	a := &ACME{domains: o.Domains}
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return a.magic, nil }, Logger: log,
	})
	a.magic = certmagic.New(a.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: o.Dir}, DefaultServerName: o.Domains[0], Logger: log,
	})
	host, port := split(o.HTTPS)
	_, httpPort := split(o.HTTP)
	a.issuer = certmagic.NewACMEIssuer(a.magic, certmagic.ACMEIssuer{
		CA: o.CA, Email: o.Email, Agreed: true,
		// Both ports are ours already: it finds them taken and opens none itself.
		ListenHost: host, AltTLSALPNPort: port, AltHTTPPort: httpPort,
		Logger: log,
	})
	a.magic.Issuers = []certmagic.Issuer{a.issuer}
	measureExpiry(o.Registerer, a.firstExpiry)
	return a
}

func split(a net.Addr) (host string, port int) {
	host, text, _ := net.SplitHostPort(a.String())
	port, _ = strconv.Atoi(text)
	return host, port
}

// Config shows the certificates, and the one of a challenge to the authority.
func (a *ACME) Config() *tls.Config { return a.magic.TLSConfig() }

// Challenges answers the authority's HTTP challenge, and leaves all else to next.
func (a *ACME) Challenges(next http.Handler) http.Handler { return a.issuer.HTTPChallengeHandler(next) }

// Run gets the certificates that are missing and renews what ends, until ctx ends. What fails is logged and
// tried again.
func (a *ACME) Run(ctx context.Context) error {
	if err := a.magic.ManageAsync(ctx, a.domains); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// Close ends the renewing. It must be called once, after Run if that was.
func (a *ACME) Close() { a.cache.Stop() }

// firstExpiry is when the certificate ends that ends first; zero while there is none.
func (a *ACME) firstExpiry() (at time.Time) {
	for _, d := range a.domains {
		for _, c := range a.cache.AllMatchingCertificates(d) {
			if end := c.Leaf.NotAfter; at.IsZero() || end.Before(at) {
				at = end
			}
		}
	}
	return at
}
