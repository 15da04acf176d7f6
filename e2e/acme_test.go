package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// pebblePath is Let's Encrypt's authority for tests, built once per test run from the module proxy.
var pebblePath = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "install", "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1")
	dir := binaryPath + "-tools"
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build pebble: %w\n%s", err, out)
	}
	return filepath.Join(dir, "pebble"), nil
})

// pebble is an authority whose HTTP challenge goes to one address and whose TLS-ALPN challenge to another.
type pebble struct {
	*encoder
	directory string
	client    http.Client // trusts the authority's own address
	manage    string
}

func startPebble(t *testing.T, ca *tlstest.CA, http01, tlsALPN01 string) *pebble {
	t.Helper()
	path, err := pebblePath()
	if err != nil {
		t.Fatal(err)
	}
	port := func(addr string) json.Number {
		_, p, _ := net.SplitHostPort(addr)
		return json.Number(p)
	}
	cert, key := ca.Issue(t.TempDir(), "127.0.0.1")
	acme, manage := freeAddr(t), freeAddr(t)
	text, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": acme, "managementListenAddress": manage, "certificate": cert, "privateKey": key,
		"httpPort": port(http01), "tlsPort": port(tlsALPN01), "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "pebble.json")
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	p := &pebble{encoder: startEncoder(t, path, "-config", config), directory: "https://" + acme + "/dir", manage: "https://" + manage}
	p.client.Transport = &http.Transport{TLSClientConfig: ca.Client(), DisableKeepAlives: true}
	eventually(t, 30*time.Second, "pebble", func() bool {
		resp, err := p.client.Get(p.directory)
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// trust gives who believes the certificates of the authority.
func (p *pebble) trust(t *testing.T) *x509.CertPool {
	t.Helper()
	resp, err := p.client.Get(p.manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(text) {
		t.Fatalf("the root of pebble: %v %s", err, text)
	}
	return pool
}

// TestCertificatesComeByACME gets one by each challenge from pebble, and keeps it over a restart.
func TestCertificatesComeByACME(t *testing.T) {
	for _, build := range []func() (string, error){binary, pebblePath} { // with the home that Go keeps its own things in
		if _, err := build(); err != nil {
			t.Fatal(err)
		}
	}
	ca := tlstest.New(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("SSL_CERT_FILE", ca.File) // the server believes the address of this authority
	for _, challenge := range []string{"HTTP", "TLS-ALPN"} {
		t.Run(challenge, func(t *testing.T) {
			plain, secure, nowhere := freeAddr(t), freeAddr(t), freeAddr(t)
			http01, tlsALPN01 := plain, nowhere
			if challenge == "TLS-ALPN" {
				http01, tlsALPN01 = nowhere, secure
			}
			authority := startPebble(t, ca, http01, tlsALPN01)
			trusted := authority.trust(t)
			dir := t.TempDir()
			args := []string{"--http-addr", plain, "--https-addr", secure, "--acme-domains", "localhost", "--acme-ca", authority.directory, "--acme-email", "ops@tv.example"}
			p := startProcess(t, dir, args...)
			_, port, _ := net.SplitHostPort(secure)
			if p.HTTPS != secure || p.URL != "https://localhost:"+port || p.Ingest != "rtmps://localhost:"+port+"/app/" {
				t.Errorf("addresses %+v", p.Addresses)
			}
			shown := func() *x509.Certificate {
				t.Helper()
				var leaf *x509.Certificate
				eventually(t, time.Minute, "a certificate", func() bool {
					// Without a name, as an encoder that was given an IP address.
					for _, name := range []string{"localhost", ""} {
						conf := &tls.Config{RootCAs: trusted, ServerName: name, InsecureSkipVerify: name == ""}
						nc, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", secure, conf)
						if err != nil {
							return false
						}
						leaf = nc.ConnectionState().PeerCertificates[0]
						nc.Close()
					}
					return true
				})
				if err := leaf.VerifyHostname("localhost"); err != nil {
					t.Error(err)
				}
				return leaf
			}
			first := shown()
			if p.terminate() != 0 {
				t.Error("the server ended badly")
			}
			authority.cmd.Process.Kill()
			<-authority.done
			startProcess(t, dir, args...)
			if again := shown(); !again.Equal(first) {
				t.Error("the certificate was not kept")
			}
		})
	}
	if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
		t.Errorf("something was written outside data-dir: %v %v", left, err)
	}
}
