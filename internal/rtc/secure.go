package rtc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/logging"
	"github.com/pion/srtp/v3"
	"github.com/pion/transport/v5/packetio"
)

// certificateAge is how long a self-made certificate is shown before the next one is made.
const certificateAge = 7 * 24 * time.Hour

// identity is the certificate that the server shows in DTLS. Clients know it by its hash alone, which
// the answer carries.
type identity struct {
	made        time.Time
	certificate tls.Certificate
	fingerprint string // "sha-256 AB:CD:…"
}

func newIdentity(now time.Time) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(365 * 24 * time.Hour),
	}, &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"}}, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	var text []string
	for _, b := range sum {
		text = append(text, strings.ToUpper(hex.EncodeToString([]byte{b})))
	}
	return &identity{
		made: now, fingerprint: "sha-256 " + strings.Join(text, ":"),
		certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
	}, nil
}

// matches says whether a certificate is the one that an offer announced.
func (p dtlsPrint) matches(der []byte) bool {
	var sum []byte
	switch p.hash {
	case "sha-256":
		s := sha256.Sum256(der)
		sum = s[:]
	case "sha-384":
		s := sha512.Sum384(der)
		sum = s[:]
	case "sha-512":
		s := sha512.Sum512(der)
		sum = s[:]
	}
	return subtle.ConstantTimeCompare(sum, p.sum) == 1
}

// profiles in our order of preference: as DTLS server we choose. GCM costs a third of what AES-CM with
// SHA-1 does.
var profiles = []dtls.SRTPProtectionProfile{
	dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80,
}

// keys are what DTLS has agreed on for SRTP (RFC 5764 §4.2).
type keys struct {
	profile srtp.ProtectionProfile
	srtp.SessionKeys
}

// inward makes a context that opens what the client sends. The window is wide: retransmissions come late.
func (k *keys) inward() (*srtp.Context, error) {
	return srtp.CreateContext(k.RemoteMasterKey, k.RemoteMasterSalt, k.profile, srtp.SRTPReplayProtection(1024), srtp.SRTCPReplayProtection(128))
}

// outward makes a context that seals. A context is one goroutine's; different SSRCs may have different
// contexts, since nothing is shared between them.
func (k *keys) outward() (*srtp.Context, error) {
	return srtp.CreateContext(k.LocalMasterKey, k.LocalMasterSalt, k.profile)
}

// dtlsWire carries a session's DTLS records: the session's goroutine puts in what came, and what DTLS writes
// goes out the session's route. The address is a formality.
type dtlsWire struct {
	s  *session
	in *packetio.Buffer
}

func newWire(s *session) *dtlsWire {
	w := &dtlsWire{s: s, in: packetio.NewBuffer()}
	w.in.SetLimitCount(32)
	w.in.SetLimitSize(32 << 10)
	return w
}

func (w *dtlsWire) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := w.in.Read(b, nil)
	return n, w.LocalAddr(), err
}

func (w *dtlsWire) WriteTo(b []byte, _ net.Addr) (int, error) {
	if err := w.s.send(b); err != nil && errors.Is(err, net.ErrClosed) {
		return 0, err
	}
	return len(b), nil // one that is lost is sent again
}

func (w *dtlsWire) Close() error                      { return w.in.Close() }
func (w *dtlsWire) LocalAddr() net.Addr               { return &net.UDPAddr{IP: net.IPv4zero} }
func (w *dtlsWire) SetDeadline(t time.Time) error     { return w.in.SetReadDeadline(t) }
func (w *dtlsWire) SetReadDeadline(t time.Time) error { return w.in.SetReadDeadline(t) }
func (w *dtlsWire) SetWriteDeadline(time.Time) error  { return nil }

// secure runs DTLS for a session: the handshake, then the wait for the client's goodbye. It ends with the
// session or ends it.
func (s *session) secure(ctx context.Context) {
	select {
	case <-s.reached:
	case <-ctx.Done():
		return
	}
	conn, err := s.shake(ctx)
	if err != nil {
		if ctx.Err() == nil {
			s.end(fmt.Errorf("%w: %w", ErrHandshake, err))
		}
		return
	}
	s.farewell.Store(conn)
	k, err := extract(conn, s.setup == "active")
	if err != nil {
		s.end(fmt.Errorf("%w: %w", ErrHandshake, err))
		return
	}
	select {
	case s.secured <- k:
	case <-ctx.Done():
		return
	}
	// Nothing but alerts comes on: there are no data channels.
	b := make([]byte, maxPacket)
	for {
		if _, err := conn.Read(b); err != nil {
			s.end(ErrPeerClosed)
			return
		}
	}
}

func (s *session) shake(ctx context.Context) (*dtls.Conn, error) {
	verify := func(raw [][]byte, _ [][]*x509.Certificate) error {
		if len(raw) > 0 {
			for _, p := range s.offer.fingerprints {
				if p.matches(raw[0]) {
					return nil
				}
			}
		}
		return errors.New("the certificate is not the one of the offer")
	}
	options := []dtls.Option{
		dtls.WithCertificates(s.identity.certificate),
		dtls.WithSRTPProtectionProfiles(profiles...),
		dtls.WithExtendedMasterSecret(dtls.RequestExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what counts
		dtls.WithVerifyPeerCertificate(verify),
		dtls.WithLoggerFactory(silent{}),
		dtls.WithFlightInterval(200 * time.Millisecond),
		dtls.WithMTU(1200),
	}
	var conn *dtls.Conn
	var err error
	if s.setup == "active" {
		var list []dtls.ClientOption
		for _, o := range options {
			list = append(list, o)
		}
		conn, err = dtls.ClientWithOptions(s.wire, s.wire.LocalAddr(), list...)
	} else {
		list := []dtls.ServerOption{
			dtls.WithClientAuth(dtls.RequireAnyClientCert),
			dtls.WithInsecureSkipVerifyHello(true), // ICE has shown that the address is the client's
		}
		for _, o := range options {
			list = append(list, o)
		}
		conn, err = dtls.ServerWithOptions(s.wire, s.wire.LocalAddr(), list...)
	}
	if err != nil {
		return nil, err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func extract(conn *dtls.Conn, client bool) (*keys, error) {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return nil, errors.New("the client takes none of our SRTP profiles")
	}
	state, ok := conn.ConnectionState()
	if !ok {
		return nil, io.ErrUnexpectedEOF
	}
	c := srtp.Config{Profile: srtp.ProtectionProfile(chosen)}
	if err := c.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return nil, err
	}
	return &keys{c.Profile, c.Keys}, nil
}

// silent is a log that keeps nothing: the errors themselves come back to us, and what strangers send is
// not worth a line.
type silent struct{}

func (silent) NewLogger(string) logging.LeveledLogger { return silent{} }
func (silent) Trace(string)                           {}
func (silent) Tracef(string, ...any)                  {}
func (silent) Debug(string)                           {}
func (silent) Debugf(string, ...any)                  {}
func (silent) Info(string)                            {}
func (silent) Infof(string, ...any)                   {}
func (silent) Warn(string)                            {}
func (silent) Warnf(string, ...any)                   {}
func (silent) Error(string)                           {}
func (silent) Errorf(string, ...any)                  {}
