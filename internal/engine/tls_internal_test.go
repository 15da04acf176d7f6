package engine

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/streamcat/streamcat/internal/tlsport"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

func TestTLSSettingsThatDoNotGoTogetherAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"files and ACME":         {Config{TLSCert: "c", TLSKey: "k", ACMEDomains: "tv.example"}, "acme-domains"},
		"no name":                {Config{ACMEDomains: " , "}, "acme-domains"},
		"an address for a name":  {Config{ACMEDomains: "192.0.2.1"}, "acme-domains"},
		"a URL for a name":       {Config{ACMEDomains: "https://tv.example"}, "acme-domains"},
		"an authority for files": {Config{TLSCert: "c", TLSKey: "k", ACMECA: "https://ca.example"}, "acme-ca"},
		"no e-mail address":      {Config{ACMEDomains: "tv.example", ACMEEmail: "ops"}, "acme-email"},
		"files":                  {Config{TLSCert: "c", TLSKey: "k"}, ""},
		"ACME":                   {Config{ACMEDomains: "tv.example, Chat.tv.example", ACMEEmail: "a@b.example", ACMECA: "https://ca.example/dir"}, ""},
		"none":                   {Config{}, ""},
	} {
		got := ""
		if err := c.cfg.checkTLS(); err != nil {
			got = err.(*BadConfig).Setting
		}
		if got != c.want {
			t.Errorf("%s: complains about %q, want %q", name, got, c.want)
		}
	}
}

func TestIngestAddressesFollowTheTLSPort(t *testing.T) {
	for _, c := range []struct {
		a                    Addresses
		server, host, rtmpsX string
	}{
		{
			Addresses{RTMP: "127.0.0.1:1935", URL: "http://127.0.0.1:8080"},
			"rtmp://127.0.0.1:1935/app/", "127.0.0.1:1935", "",
		},
		{
			Addresses{RTMP: "[::]:1935", URL: "https://tv.example"}, // a proxy ends the TLS
			"rtmp://tv.example:1935/app/", "tv.example:1935", "",
		},
		{
			Addresses{RTMP: "0.0.0.0:1935", HTTPS: "0.0.0.0:443", URL: "https://tv.example"},
			"rtmps://tv.example:443/app/", "tv.example", "rtmps://tv.example:443/app/",
		},
		{
			Addresses{RTMP: "0.0.0.0:1935", HTTPS: "0.0.0.0:8443", URL: "https://tv.example"}, // 443 leads to 8443
			"rtmps://tv.example:443/app/", "tv.example", "rtmps://tv.example:443/app/",
		},
		{
			Addresses{RTMP: "127.0.0.1:1935", HTTPS: "127.0.0.1:8443", URL: "https://127.0.0.1:8443"},
			"rtmps://127.0.0.1:8443/app/", "127.0.0.1:8443", "rtmps://127.0.0.1:8443/app/",
		},
		{
			Addresses{RTMP: "127.0.0.1:1935", HTTPS: "[::1]:8443", URL: "http://tv.example:8080"},
			"rtmps://tv.example:8443/app/", "tv.example:8443", "rtmps://tv.example:8443/app/",
		},
	} {
		if got := c.a.ingestServer(); got != c.server {
			t.Errorf("%+v: server %s, want %s", c.a, got, c.server)
		}
		if got := c.a.ingestHost(); got != c.host {
			t.Errorf("%+v: host %s, want %s", c.a, got, c.host)
		}
		if got := c.a.rtmps(); got != c.rtmpsX {
			t.Errorf("%+v: rtmps %s, want %s", c.a, got, c.rtmpsX)
		}
	}
}

func TestPagesOpenedInClearAreSentToHTTPS(t *testing.T) {
	upgrade := upgradeTo("https://tv.example", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")})
	page := func(change func(*http.Request)) string {
		r := &http.Request{Method: "GET", RequestURI: "/c/ada?x=1", Header: http.Header{"Accept": {"text/html,*/*"}}, RemoteAddr: "192.0.2.1:5000"}
		r.URL = must(http.NewRequest("GET", "/c/ada?x=1", nil)).URL
		change(r)
		return upgrade(r)
	}
	if got := page(func(*http.Request) {}); got != "https://tv.example/c/ada?x=1" {
		t.Error(got)
	}
	for name, change := range map[string]func(*http.Request){
		"by TLS":            func(r *http.Request) { r.TLS = &tls.ConnectionState{} },
		"a form":            func(r *http.Request) { r.Method = "POST" },
		"a program":         func(r *http.Request) { r.Header.Set("Accept", "*/*") },
		"this machine":      func(r *http.Request) { r.RemoteAddr = "[::1]:5000" },
		"a proxy we know":   func(r *http.Request) { r.RemoteAddr = "10.1.2.3:5000" },
		"nobody knows whom": func(r *http.Request) { r.RemoteAddr = "@" },
	} {
		if got := page(change); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if upgradeTo("http://tv.example", nil) != nil {
		t.Error("pages are sent to http://")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pipes is a listener of connections that have no buffer: what is not read stalls at once.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// Who does not read is dropped, by HTTP/1.1 as by HTTP/2, whether it stops at one answer or altogether.
func TestReadersThatStallAreDropped(t *testing.T) {
	ca := tlstest.New(t)
	cert, key := ca.Issue(t.TempDir(), "tv.example")
	synctest.Test(t, func(t *testing.T) {
		files, err := tlsport.OpenFiles(cert, key, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		gaveUp := make(chan time.Duration, 1)
		endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			block := make([]byte, 64<<10)
			for {
				if _, err := w.Write(block); err != nil {
					gaveUp <- time.Since(began)
					return
				}
			}
		})
		e := &Engine{log: slog.New(slog.DiscardHandler)}
		srv := e.newHTTP("https server", endless)
		ln := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		port := tlsport.New(ln, tlsport.Options{Config: files.Config()})
		tlsport.Prepare(srv)
		go port.Serve()
		go srv.Serve(port)
		defer port.Close()
		defer srv.Close()
		dial := func(protocols ...string) *tls.Conn {
			ours, theirs := net.Pipe()
			ln.conns <- theirs
			conf := ca.Client()
			conf.ServerName, conf.NextProtos = "tv.example", protocols
			nc := tls.Client(ours, conf)
			if err := nc.Handshake(); err != nil {
				t.Fatal(err)
			}
			began = time.Now()
			return nc
		}
		dropped := func(name string, limit time.Duration) {
			t.Helper()
			select {
			case after := <-gaveUp:
				if after > limit {
					t.Errorf("%s: dropped after %s, want at most %s", name, after, limit)
				}
			case <-time.After(10 * time.Minute):
				t.Fatalf("%s: served for good", name)
			}
		}

		nc := dial("http/1.1")
		io.WriteString(nc, "GET / HTTP/1.1\r\nHost: tv.example\r\n\r\n")
		bufio.NewReader(nc).ReadString('\n')
		dropped("HTTP/1.1", 70*time.Second)
		nc.NetConn().Close()

		// A preface, settings, and the headers of GET / on stream 1 (RFC 9113; indexed fields of RFC 7541).
		nc = dial("h2")
		go io.WriteString(nc, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"+
			"\x00\x00\x0f\x01\x05\x00\x00\x00\x01"+"\x82\x84\x87\x41\x0atv.example")
		nc.Read(make([]byte, 64)) // the server's settings, and nothing more
		dropped("HTTP/2, all of it", 50*time.Second)
		nc.NetConn().Close()

		// A whole client reads the connection, but not this answer.
		tr := &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return dial("h2"), nil }}
		resp, err := (&http.Client{Transport: tr}).Get("https://tv.example/")
		if err != nil {
			t.Fatal(err)
		}
		if resp.ProtoMajor != 2 {
			t.Errorf("%s", resp.Proto)
		}
		dropped("HTTP/2, one answer", 70*time.Second)
		resp.Body.Close()
		tr.CloseIdleConnections()
	})
}
