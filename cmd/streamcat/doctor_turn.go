package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pion/logging"
	"github.com/pion/stun/v4"
	"github.com/pion/turn/v5"

	"github.com/streamcat/streamcat/internal/engine"
)

// relayTime is for everything that is asked of one relay.
const relayTime = 10 * time.Second

// relayed is one relay that clients are told of, with the credentials of whom it was told.
type relayed struct {
	network            string // "udp", "tcp" or "tls"
	at                 string // host:port
	username, password string // secrets
}

// setting is what the port of a relay is of.
func (r relayed) setting() string {
	if r.network == "tls" {
		return "https-addr"
	}
	return "turn-addr"
}

// everywhere is the line that opens a relay's port to other machines.
func (r relayed) everywhere(bound string) string {
	_, port, _ := net.SplitHostPort(bound)
	return r.setting() + ": " + net.JoinHostPort("0.0.0.0", port)
}

var iceServer = regexp.MustCompile(`<(turns?):([^>?]+)\?transport=(udp|tcp)>; rel="ice-server"; username="([^"]*)"; credential="([^"]*)"`)

// readRelays gives the relays that an answer names (RFC 9725 §4.6).
func readRelays(h http.Header) (out []relayed) {
	for _, link := range h.Values("Link") {
		if m := iceServer.FindStringSubmatch(link); m != nil {
			network := m[3]
			if m[1] == "turns" {
				network = "tls"
			}
			out = append(out, relayed{network, m[2], m[4], m[5]})
		}
	}
	return out
}

// checkTURN looks at the relay: what the settings make of it and, where a server runs, what a client finds there.
func checkTURN(ctx context.Context, f *findings, cfg engine.Config, on *engine.Addresses) {
	if cfg.TURNAddr == "off" {
		f.add("turn", fine, "", "It is off: guests whose network lets only web traffic out cannot come (turn-addr turns it on).")
		return
	}
	checkTURNSettings(f, cfg)
	switch {
	case on == nil:
		f.add("turn", fine, "", "What clients find there was not checked: no server runs here.")
		return
	case on.TURN == "":
		f.add("turn", warning, "", "The server that runs here has no relay: start it again with these settings.")
		return
	}
	a, leave, err := askForAnswer(ctx, cfg, on)
	defer leave()
	if err != nil {
		f.add("turn", warning, "", "Not checked: the server that runs here could not be asked: %v.", err)
		return
	}
	for _, r := range a.relays {
		bound := on.TURN
		if r.network == "tls" {
			bound = on.HTTPS
		}
		checkRelay(ctx, f, r, bound, a)
	}
}

// checkTURNSettings finds what makes a relay useless to guests before anybody asks it.
func checkTURNSettings(f *findings, cfg engine.Config) {
	u, _ := url.Parse(cfg.PublicURL)
	elsewhere := u.Hostname() != "" && !local(u.Hostname())
	if ip := hostIP(cfg.TURNAddr); elsewhere && ip.IsLoopback() {
		_, port, _ := net.SplitHostPort(cfg.TURNAddr)
		f.add("turn", broken, "turn-addr: "+net.JoinHostPort("0.0.0.0", port), "People come to %s, but the relay is on this machine's loopback alone.", u.Hostname())
	}
	if cfg.TLSCert == "" && cfg.ACMEDomains == "" {
		f.add("turn", warning, "acme-domains: <this server's name>", "Without TLS of its own the server has no relay on the port of HTTPS, and a network that lets only web traffic out seldom lets out %s.", cfg.TURNAddr)
	}
}

// checkRelay does with one relay what a guest's client does: it asks for an allocation, has it refuse others, and
// reaches the media port.
func checkRelay(ctx context.Context, f *findings, r relayed, bound string, a answer) {
	check := "turn " + r.network
	ctx, cancel := context.WithTimeout(ctx, relayTime)
	defer cancel()
	conn, err := r.dial(ctx, f)
	if err != nil {
		r.unreached(f, bound, err)
		return
	}
	media := a.media()
	client, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: conn.remote.String(), Conn: conn, Username: r.username, Password: r.password,
		RequestedAddressFamily: familyOf(media), LoggerFactory: quiet{},
	})
	if err == nil {
		err = client.Listen()
	}
	if err != nil {
		conn.Close()
		f.add(check, warning, "", "Not checked: %v.", err)
		return
	}
	// What is asked of the client has no deadline of its own, but ends with it.
	stop := context.AfterFunc(ctx, func() { client.Close(); conn.Close() })
	defer func() {
		if stop() {
			client.Close()
			conn.Close()
		}
	}()
	allocation, err := client.AllocateWithContext(ctx)
	if err != nil {
		r.unreached(f, bound, err)
		return
	}
	defer allocation.Close()
	f.add(check, fine, "", "%s gives allocations.", r.at)
	checkPeers(f, client, r, a)
	if !media.IsValid() {
		return // checkMedia said that there is none
	}
	if err := a.bindBy(ctx, allocation, media); err != nil {
		f.add("turn media", broken, "webrtc-addr: "+net.JoinHostPort("0.0.0.0", fmt.Sprint(media.Port())), "The media port does not answer through %s by %s: %v.", r.at, strings.ToUpper(r.network), err)
		return
	}
	f.add("turn media", fine, "", "The media port answers through %s by %s.", r.at, strings.ToUpper(r.network))
}

// guarded are addresses that no relay may lead to: a machine's own, private networks and the metadata of clouds.
var guarded = []string{"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "::1", "fd00::1"}

func checkPeers(f *findings, client *turn.Client, r relayed, a answer) {
	for _, peer := range guarded {
		ip := netip.MustParseAddr(peer)
		if slices.ContainsFunc(a.told, func(c candidate) bool { return c.at.Addr() == ip }) {
			continue // it is where media is announced
		}
		if client.CreatePermission(&net.UDPAddr{IP: ip.AsSlice(), Port: 80}) == nil {
			f.add("turn peers", broken, "turn-addr: off", "%s leads to %s: whoever has credentials reaches this network. It is no relay of StreamCat's.", r.at, peer)
			return
		}
	}
	f.add("turn peers", fine, "", "%s refuses private addresses by %s.", r.at, strings.ToUpper(r.network))
}

// unreached says why there is no allocation, as far as can be told from here.
func (r relayed) unreached(f *findings, bound string, err error) {
	check, network := "turn "+r.network, strings.ToUpper(r.network)
	var name x509.HostnameError
	var refused *stun.TurnError
	host, _, _ := net.SplitHostPort(r.at)
	switch own := local(host) || ownAddress(hostIP(r.at)); {
	case errors.As(err, &name):
		f.add(check, broken, "tls-cert: <one for "+host+">", "The certificate at %s is not for %s, so browsers refuse the relay.", r.at, host)
	case errors.As(err, &refused):
		f.add(check, broken, r.setting()+": "+net.JoinHostPort("0.0.0.0", "<another port>"), "%s refuses an allocation (%v): another relay answers there, or this one is full.", r.at, refused.ErrorCodeAttr)
	case own:
		f.add(check, broken, r.everywhere(bound), "Clients are sent to %s, and nothing gives allocations there: %s is blocked on this machine, or %s is not bound there.", r.at, network, r.setting())
	default:
		f.add(check, warning, "public-url: <the address of this machine itself>", "Clients are sent to %s, and no relay is reached there from here: either the name leads to another machine or to a proxy that knows HTTP alone, %s is not forwarded, or the router does not send back what comes from within (no hairpin).", r.at, network)
	}
}

// turnConn is a way to a relay, as a packet connection whatever it is.
type turnConn struct {
	net.PacketConn
	remote net.Addr
}

// dial reaches a relay. A certificate whose authority this machine does not know is reported, and good enough to go on.
func (r relayed) dial(ctx context.Context, f *findings) (c turnConn, err error) {
	switch r.network {
	case "udp":
		to, err := net.ResolveUDPAddr("udp", r.at)
		if err != nil {
			return c, err
		}
		pc, err := new(net.ListenConfig).ListenPacket(ctx, "udp", ":0")
		return turnConn{pc, to}, err
	case "tcp":
		nc, err := new(net.Dialer).DialContext(ctx, "tcp", r.at)
		if err != nil {
			return c, err
		}
		return turnConn{turn.NewSTUNConn(nc), nc.RemoteAddr()}, nil
	}
	host, _, _ := net.SplitHostPort(r.at)
	conf := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	nc, err := (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", r.at)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		f.add("turn tls", warning, "acme-domains: "+host, "This machine does not know the authority of the certificate at %s: browsers that do not either refuse the relay, and ask nobody.", r.at)
		conf = conf.Clone()
		conf.InsecureSkipVerify = true // nothing secret but short-lived credentials for what is behind it
		nc, err = (&tls.Dialer{Config: conf}).DialContext(ctx, "tcp", r.at)
	}
	if err != nil {
		return c, err
	}
	return turnConn{turn.NewSTUNConn(nc), nc.RemoteAddr()}, nil
}

// media is the media port's UDP address for a relay, IPv4 if there is one.
func (a answer) media() (at netip.AddrPort) {
	for _, c := range a.told {
		if c.network == "udp" && (!at.IsValid() || c.at.Addr().Is4() && !at.Addr().Is4()) {
			at = c.at
		}
	}
	return at
}

func familyOf(a netip.AddrPort) turn.RequestedAddressFamily {
	if a.Addr().Is6() {
		return turn.RequestedAddressFamilyIPv6
	}
	return turn.RequestedAddressFamilyIPv4
}

// bindBy makes a STUN binding round trip through an allocation.
func (a answer) bindBy(ctx context.Context, allocation net.PacketConn, media netip.AddrPort) error {
	request, err := a.as.request()
	if err != nil {
		return err
	}
	to := net.UDPAddrFromAddrPort(media)
	b := make([]byte, 1500)
	for wait := 500 * time.Millisecond; ; wait *= 2 { // as bind does
		if _, err := allocation.WriteTo(request.Raw, to); err != nil {
			return err
		}
		if err := allocation.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		n, _, err := allocation.ReadFrom(b)
		if err == nil {
			return replies(b[:n], request)
		}
		var late net.Error
		if ctx.Err() != nil || wait >= 2*time.Second || !errors.As(err, &late) || !late.Timeout() {
			return err
		}
	}
}

// local says whether a host is this machine by its name or address.
func local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func hostIP(hostport string) netip.Addr {
	host, _, _ := net.SplitHostPort(hostport)
	ip, _ := netip.ParseAddr(host)
	return ip
}

// quiet is a log that says nothing: what pion would say is in the findings.
type quiet struct{}

func (quiet) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, nil)
}
