package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v5"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

func relay(c *engine.Config) { c.TURNAddr = "127.0.0.1:0" }

func TestTheDoctorComesByTheRelay(t *testing.T) {
	for name, c := range map[string]struct {
		options []enginetest.Option
		want    map[string]level // by check
		also    string           // in what is said of "turn tls"
	}{
		"without TLS": {nil, map[string]level{"turn": warning, "turn udp": fine, "turn tcp": fine, "turn peers": fine, "turn media": fine}, ""},
		"with TLS": {
			[]enginetest.Option{enginetest.TLS(t, tlstest.New(t))},
			map[string]level{"turn udp": fine, "turn tls": warning, "turn peers": fine, "turn media": fine},
			"does not know the authority",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var cfg engine.Config
			e := enginetest.Start(t, append(c.options, enginetest.DataDir(dir), relay, func(c *engine.Config) { cfg = *c })...)
			settings := []string{"--data-dir", dir, "--turn-addr", e.Addresses().TURN, "--public-ip", cfg.PublicIP, "--public-url", cfg.PublicURL}
			if cfg.TLSCert != "" {
				settings = append(settings, "--tls-cert", cfg.TLSCert, "--tls-key", cfg.TLSKey)
			}
			found, _ := doctor(t, settings...)
			for check, want := range c.want {
				f := found.of(check)
				if f.Level != want || f.Level != fine && f.Line == "" || check == "turn tls" && !strings.Contains(f.Says, c.also) {
					t.Errorf("%s: %+v, want %s", check, f, want)
				}
			}
			if f := found.of("turn-addr"); f.Level != fine || !strings.HasPrefix(f.Says, e.Addresses().TURN) {
				t.Errorf("turn-addr: %+v", f)
			}
		})
	}
}

func TestTheDoctorReadsTheSettingsOfTheRelay(t *testing.T) {
	cert, key := tlstest.New(t).Issue(t.TempDir(), "live.example.org")
	for name, c := range map[string]struct {
		settings []string
		level    level
		says     string
		line     string
	}{
		"off":                        {nil, fine, "It is off", ""},
		"no server to ask":           {[]string{"--turn-addr", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key}, fine, "no server runs", ""},
		"no TLS":                     {[]string{"--turn-addr", "127.0.0.1:0"}, warning, "no relay on the port of HTTPS", "acme-domains: "},
		"on loopback, pages are not": {[]string{"--turn-addr", "127.0.0.1:0", "--public-url", "https://live.example.org"}, broken, "loopback alone", "turn-addr: 0.0.0.0:0"},
	} {
		t.Run(name, func(t *testing.T) {
			found, _ := doctor(t, c.settings...)
			if f := found.of("turn"); f.Level != c.level || !strings.Contains(f.Says, c.says) || !strings.HasPrefix(f.Line, c.line) || c.line == "" && f.Line != "" {
				t.Errorf("%+v, want %s with %q and %q", f, c.level, c.says, c.line)
			}
		})
	}
	dir := t.TempDir()
	enginetest.Start(t, enginetest.DataDir(dir))
	found, _ := doctor(t, "--data-dir", dir, "--turn-addr", "127.0.0.1:0")
	if f := found.of("turn"); f.Level != warning || !strings.Contains(f.Says, "no TLS") && !strings.Contains(f.Says, "Without TLS") {
		t.Errorf("settings that the server does not have: %+v", f)
	}
}

// TestTheDoctorKnowsARelayThatLeadsIntoTheNetwork looks at one of somebody else's, which is as open as relays often are.
func TestTheDoctorKnowsARelayThatLeadsIntoTheNetwork(t *testing.T) {
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open, err := turn.NewServer(turn.ServerConfig{
		Realm: "open", LoggerFactory: quiet{},
		AuthHandler: func(r *turn.RequestAttributes) (string, []byte, bool) {
			return r.Username, turn.GenerateAuthKey(r.Username, "open", "secret"), r.Username == "guest"
		},
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            conn,
			RelayAddressGenerator: &turn.RelayAddressGeneratorStatic{RelayAddress: net.IPv4(127, 0, 0, 1), Address: "127.0.0.1"},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close() })
	port, err := openPort("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.close)
	at := conn.LocalAddr().String()
	a := answer{told: []candidate{{"udp", port.at}}}

	var f findings
	checkRelay(t.Context(), &f, relayed{"udp", at, "guest", "secret"}, at, a)
	if got := f.of("turn peers"); got.Level != broken || !strings.Contains(got.Says, "10.0.0.1") || got.Line != "turn-addr: off" {
		t.Errorf("peers: %+v", got)
	}
	if got := f.of("turn media"); got.Level != fine {
		t.Errorf("media: %+v", got)
	}
	f = nil
	checkRelay(t.Context(), &f, relayed{"udp", at, "guest", "another secret"}, at, a)
	if got := f.of("turn udp"); got.Level != broken || !strings.Contains(got.Says, "refuses an allocation") || strings.Contains(got.Says, "another secret") {
		t.Errorf("credentials that are not taken: %+v", got)
	}
	f = nil
	a.told = []candidate{{"udp", netip.MustParseAddrPort("127.0.0.1:9")}}
	checkRelay(t.Context(), &f, relayed{"udp", at, "guest", "secret"}, at, a)
	if got := f.of("turn media"); got.Level != broken || got.Line != "webrtc-addr: 0.0.0.0:9" {
		t.Errorf("a media port that is not there: %+v", got)
	}
}

func TestTheDoctorSaysWhyARelayIsNotReached(t *testing.T) {
	web := httptest.NewTLSServer(http.NotFoundHandler()) // a proxy that knows HTTP alone
	t.Cleanup(web.Close)
	secure := web.Listener.Addr().String()
	_, securePort, _ := net.SplitHostPort(secure)
	for name, c := range map[string]struct {
		relay relayed
		bound string
		level level
		line  string
	}{
		"UDP, nobody there":     {relayed{network: "udp", at: "127.0.0.9:9"}, "127.0.0.1:3478", broken, "turn-addr: 0.0.0.0:3478"},
		"TCP, nobody there":     {relayed{network: "tcp", at: "127.0.0.9:9"}, "127.0.0.1:3478", broken, "turn-addr: 0.0.0.0:3478"},
		"HTTPS, but no relay":   {relayed{network: "tls", at: secure}, secure, broken, "https-addr: 0.0.0.0:" + securePort},
		"a name that is no one": {relayed{network: "tcp", at: "live.invalid:3478"}, "127.0.0.1:3478", warning, "public-url: "},
	} {
		t.Run(name, func(t *testing.T) {
			short, cancel := context.WithTimeout(t.Context(), time.Second) // it is waited for in vain
			defer cancel()
			var f findings
			checkRelay(short, &f, c.relay, c.bound, answer{})
			if got := f.of("turn " + c.relay.network); got.Level != c.level || !strings.HasPrefix(got.Line, c.line) || !strings.Contains(got.Says, c.relay.at) {
				t.Errorf("%+v, want %s with %q", got, c.level, c.line)
			}
		})
	}
}

func TestRelaysAreReadFromAnAnswer(t *testing.T) {
	h := http.Header{}
	h.Add("Link", `<turn:live.example:3478?transport=udp>; rel="ice-server"; username="7:ada"; credential="s="; credential-type="password"`)
	h.Add("Link", `<turns:[2001:db8::1]:443?transport=tcp>; rel="ice-server"; username="7:ada"; credential="s="; credential-type="password"`)
	h.Add("Link", `<https://live.example/help>; rel="help"`)
	got := readRelays(h)
	want := []relayed{{"udp", "live.example:3478", "7:ada", "s="}, {"tls", "[2001:db8::1]:443", "7:ada", "s="}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
}
