package e2e

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"
	"github.com/pion/webrtc/v4"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/rtc/rtctest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// relaying starts the TURN server.
func relaying(c *engine.Config) { c.TURNAddr = "127.0.0.1:0" }

// certificateKey gives the SHA-256 of the TLS port's public key, base64, by which Chromium may be told to trust it.
func certificateKey(t *testing.T, e *enginetest.Engine, ca *tlstest.CA) string {
	conn, err := tls.Dial("tcp", e.Addresses().HTTPS, ca.Client())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sum := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// TestABrowserWatchesThroughTheRelayAlone has Chromium use no other candidates than relayed ones: by UDP on the
// relay's own port, and by TLS on the port of HTTPS.
func TestABrowserWatchesThroughTheRelayAlone(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca), relaying)
	th := theatreOn(t, e, e.HTTPS, e.AWS())
	host, viewer := th.seat("host"), th.seat("viewer", subscribe)
	rtctest.Publish(t, th.whip(), host.token, rtctest.Options{H264Only: true, HTTP: http2Client(t, ca)})
	s := startScript(t, "browser/relay.mjs", e.HTTPS, host.id, viewer.token, certificateKey(t, e, ca))
	for _, want := range []struct{ url, protocol string }{
		{"turn:" + e.Addresses().TURN + "?transport=udp", "udp"},
		{"turns:" + e.Addresses().HTTPS + "?transport=tcp", "tls"},
	} {
		seen := s.hear("relayed")
		if seen["url"] != want.url || seen["type"] != "relay" || seen["protocol"] != want.protocol {
			t.Errorf("got %v, want %v", seen, want)
		}
	}
	s.hear("done")
	if log := e.Log(); strings.Contains(log, ":"+viewer.id) {
		t.Error("a user name of the relay is in the log")
	}
}

// TestTheClientLibraryFindsTheRelay has the media port's public address lead nowhere. Nobody says anything about relays
// to the library.
func TestTheClientLibraryFindsTheRelay(t *testing.T) {
	e := enginetest.Start(t, relaying, func(c *engine.Config) { c.PublicIP = "192.0.2.1:8189" })
	th := theatreOn(t, e, e.URL, e.AWS())
	s := startScript(t, "browser/relayed.mjs", th.seat("host").token, th.seat("guest", subscribe).token)
	seen := s.hear("seen")
	if got := fmt.Sprint(seen["candidates"]); got != "[relay 192.0.2.1]" {
		t.Errorf("the guest's connection is %s", got)
	}
	s.hear("done")
}

// TestTheRelayIsOnThePortOfHTTPS asks for an allocation by TLS on that port, with and without naming the protocol
// (ALPN, RFC 7443), by UDP and by TCP on the relay's own, with credentials that a door gave; and reaches the media port
// through it, which outside is nowhere. Nobody else is reached.
func TestTheRelayIsOnThePortOfHTTPS(t *testing.T) {
	ca := tlstest.New(t)
	e := enginetest.Start(t, enginetest.TLS(t, ca), relaying, func(c *engine.Config) { c.PublicIP = "192.0.2.1:8189" })
	th := theatreOn(t, e, e.HTTPS, e.AWS())
	var secrets []string
	media := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8189}

	secure := func(protocols ...string) func() (net.Conn, error) {
		return func() (net.Conn, error) {
			conf := ca.Client()
			conf.NextProtos = protocols
			return tls.Dial("tcp", e.Addresses().HTTPS, conf)
		}
	}
	for name, dial := range map[string]func() (net.Conn, error){
		"TLS": secure(), "TLS with ALPN": secure("stun.turn"),
		"TCP": func() (net.Conn, error) { return net.Dial("tcp", e.Addresses().TURN) },
		"UDP": nil,
	} {
		t.Run(name, func(t *testing.T) {
			if links := introduced(t, th.whip(), th.seat("host").token, http2Client(t, ca)); len(links) != 2 || !iceServer.MatchString(links[0]) {
				t.Errorf("OPTIONS names %q", links)
			}
			username, password, check := askForRelay(t, th.whip(), th.seat("host"), http2Client(t, ca))
			secrets = append(secrets, username, password)
			var conn net.PacketConn
			if dial == nil {
				var err error
				if conn, err = net.ListenPacket("udp4", "127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
			} else {
				nc, err := dial()
				if err != nil {
					t.Fatal(err)
				}
				conn = turn.NewSTUNConn(nc)
			}
			defer conn.Close()
			client, err := turn.NewClient(&turn.ClientConfig{
				TURNServerAddr: e.Addresses().TURN, Conn: conn, Username: username, Password: password, RequestedAddressFamily: turn.RequestedAddressFamilyIPv4,
			})
			if err == nil {
				err = client.Listen()
			}
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			relayed, err := client.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			defer relayed.Close()
			if _, err := relayed.WriteTo(check.Raw, media); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 1500)
			_ = relayed.SetReadDeadline(time.Now().Add(10 * time.Second))
			n, from, err := relayed.ReadFrom(b)
			if err != nil || from.String() != media.String() {
				t.Fatalf("from %v: %v", from, err)
			}
			answer := &stun.Message{Raw: b[:n]}
			var mapped stun.XORMappedAddress
			if err := answer.Decode(); err != nil || answer.Type != stun.BindingSuccess || mapped.GetFrom(answer) != nil || mapped.String() != relayed.LocalAddr().String() {
				t.Errorf("%v %v: seen as %v at %v", answer, err, mapped, relayed.LocalAddr())
			}
			for _, peer := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"} {
				if err := client.CreatePermission(&net.UDPAddr{IP: net.ParseIP(peer), Port: 80}); err == nil {
					t.Errorf("a permission for %s", peer)
				}
			}
		})
	}
	log := e.Log()
	for _, secret := range secrets {
		if strings.Contains(log, secret) {
			t.Error("credentials of the relay are in the log")
		}
	}
}

var iceServer = regexp.MustCompile(`rel="ice-server"; username="([0-9]+:([^"]*))"; credential="([^"]*)"; credential-type="password"`)

// introduced gives the Link headers of an OPTIONS.
func introduced(t *testing.T, endpoint, token string, client *http.Client) []string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("OPTIONS: %s", resp.Status)
	}
	return resp.Header.Values("Link")
}

// askForRelay opens a session to publish, and gives the credentials that its answer names, and a check of its client.
func askForRelay(t *testing.T, endpoint string, who seat, client *http.Client) (username, password string, check *stun.Message) {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(offer.SDP))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/sdp")
	req.Header.Set("Authorization", "Bearer "+who.token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("%s %v: %s", resp.Status, err, answer)
	}
	m := iceServer.FindStringSubmatch(resp.Header.Get("Link"))
	if m == nil || m[2] != who.id {
		t.Fatalf("%q names no relay for %s", resp.Header.Values("Link"), who.id)
	}
	value := func(sdp, name string) string {
		_, rest, _ := strings.Cut(sdp, "a="+name+":")
		text, _, _ := strings.Cut(rest, "\r\n")
		return text
	}
	check, err = stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(value(string(answer), "ice-ufrag")+":"+value(offer.SDP, "ice-ufrag")),
		stun.NewShortTermIntegrity(value(string(answer), "ice-pwd")), stun.Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return m[1], m[3], check
}
