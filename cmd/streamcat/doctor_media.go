package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/pion/stun/v4"

	"github.com/streamcat/streamcat/internal/engine"
)

// candidate is an address that media goes to.
type candidate struct {
	network string // "udp" or "tcp"
	at      netip.AddrPort
}

// ice is what a server's answer says of itself; without a user the port answers anybody, as the doctor's own does.
type ice struct{ user, password string }

// request is a binding request that the port answers.
func (as ice) request() (*stun.Message, error) {
	parts := []stun.Setter{stun.TransactionID, stun.BindingRequest}
	if as.user != "" {
		parts = append(parts, stun.NewUsername(as.user), stun.NewShortTermIntegrity(as.password))
	}
	return stun.Build(append(parts, stun.Fingerprint)...)
}

// checkMedia sends a STUN binding request (RFC 8489) to every address that clients are told, over UDP and TCP, and
// wants its answer. Where a server runs, it is that server's port, asked as a guest's browser does; else the doctor
// opens the port itself.
func checkMedia(ctx context.Context, f *findings, cfg engine.Config, on *engine.Addresses) {
	var told []candidate
	var as ice
	if on != nil {
		a, leave, err := askForAnswer(ctx, cfg, on)
		told, as = a.told, a.as
		defer leave()
		if err != nil {
			f.add("webrtc", warning, "", "Not checked: the server that runs here could not be asked: %v.", err)
			return
		}
		for _, c := range configuredIPs(cfg) {
			if !slices.ContainsFunc(told, func(t candidate) bool { return t.at.Addr() == c.at.Addr() }) {
				f.add("webrtc", warning, "", "The server that runs here does not announce %s of public-ip: start it again with these settings.", c.at.Addr())
			}
		}
	} else {
		port, err := openPort(cfg.WebRTCAddr)
		if err != nil {
			f.add("webrtc", broken, "", "Not checked: the port cannot be opened.") // checkPorts said why
			return
		}
		defer port.close()
		told = announced(cfg, port.at)
	}
	if len(told) == 0 {
		f.add("webrtc", broken, "public-ip: <the address that others reach this machine at>", "There is no address that media could be sent to.")
		return
	}
	checkPublic(f, cfg, told)
	for _, c := range told {
		check := "webrtc " + c.network
		switch err := bind(ctx, c, as); {
		case err == nil:
			f.add(check, fine, "", "%s answers.", c.at)
		case ownAddress(c.at.Addr()):
			f.add(check, broken, "webrtc-addr: "+net.JoinHostPort("0.0.0.0", fmt.Sprint(c.at.Port())), "%s is announced and does not answer: %s is blocked on this machine, or the port is not bound there.", c.at, strings.ToUpper(c.network))
		default:
			f.add(check, warning, "public-ip: <the address that others reach this machine at>", "%s is announced and is not reached from here: either it does not lead to this machine, %s is not forwarded, or the router does not send back what comes from within (no hairpin).", c.at, strings.ToUpper(c.network))
		}
	}
}

// checkPublic compares where people find the pages with where their media goes.
func checkPublic(f *findings, cfg engine.Config, told []candidate) {
	reaches := func(far func(netip.Addr) bool) bool {
		return slices.ContainsFunc(told, func(c candidate) bool { return far(c.at.Addr()) })
	}
	u, _ := url.Parse(cfg.PublicURL)
	host := u.Hostname()
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || host == "localhost" || err == nil && ip.IsLoopback():
		f.add("public", fine, "", "Pages are for this machine: public-url names no other.")
	case !reaches(func(a netip.Addr) bool { return !a.IsLoopback() }):
		line := "webrtc-addr: 0.0.0.0:8189"
		if _, port, err := net.SplitHostPort(cfg.WebRTCAddr); err == nil && port != "0" {
			line = "webrtc-addr: 0.0.0.0:" + port
		}
		f.add("public", broken, line, "People come to %s, but media is announced on this machine's loopback alone.", host)
	case (err != nil && strings.Contains(host, ".") || err == nil && !ip.IsPrivate()) && !reaches(func(a netip.Addr) bool { return !a.IsLoopback() && !a.IsPrivate() }):
		f.add("public", warning, "public-ip: <the address from outside>", "People come to %s, but media is announced on private addresses alone: nobody outside this network reaches them.", host)
	default:
		f.add("public", fine, "", "Pages are at %s, media is announced on %s.", host, told[0].at.Addr())
	}
}

// announced is what a server with these settings tells its clients.
func announced(cfg engine.Config, bound netip.AddrPort) []candidate {
	ips := configuredIPs(cfg)
	if len(ips) == 0 {
		list := []netip.Addr{bound.Addr().Unmap()}
		if bound.Addr().IsUnspecified() {
			list = machineAddresses()
		}
		for _, ip := range list {
			ips = append(ips, candidate{at: netip.AddrPortFrom(ip, 0)})
		}
	}
	var out []candidate
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range ips {
			port := c.at.Port()
			if port == 0 {
				port = bound.Port()
			}
			out = append(out, candidate{network, netip.AddrPortFrom(c.at.Addr(), port)})
		}
	}
	return out
}

// configuredIPs reads public-ip, which was found to be good; a port of 0 is that of webrtc-addr.
func configuredIPs(cfg engine.Config) (out []candidate) {
	for text := range strings.SplitSeq(cfg.PublicIP, ",") {
		text = strings.TrimSpace(text)
		if at, err := netip.ParseAddrPort(text); err == nil {
			out = append(out, candidate{at: at})
		} else if ip, err := netip.ParseAddr(text); err == nil {
			out = append(out, candidate{at: netip.AddrPortFrom(ip, 0)})
		}
	}
	return out
}

// machineAddresses are those of the interfaces, without link-local ones; loopback only if there is nothing else.
func machineAddresses() []netip.Addr {
	all, _ := net.InterfaceAddrs()
	var out, loop []netip.Addr
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Addr().IsLoopback() {
			loop = append(loop, p.Addr())
		} else {
			out = append(out, p.Addr())
		}
	}
	if len(out) == 0 {
		return loop
	}
	return out
}

func ownAddress(ip netip.Addr) bool {
	return ip.IsLoopback() || slices.Contains(machineAddresses(), ip)
}

// bind makes one STUN binding round trip: on UDP the request is sent again as RFC 8489 §6.2.1 has it; on TCP it goes
// behind its length (RFC 4571).
func bind(ctx context.Context, c candidate, as ice) error {
	ctx, cancel := context.WithTimeout(ctx, 3500*time.Millisecond)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, c.network, c.at.String())
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	request, err := as.request()
	if err != nil {
		return err
	}
	if c.network == "tcp" {
		if _, err := conn.Write(framed(request.Raw)); err != nil {
			return err
		}
		b, err := readFrame(bufio.NewReader(conn))
		if err != nil {
			return err
		}
		return replies(b, request)
	}
	b := make([]byte, 1500)
	for wait := 500 * time.Millisecond; ; wait *= 2 {
		if _, err := conn.Write(request.Raw); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			return err
		}
		n, err := conn.Read(b)
		if err == nil {
			return replies(b[:n], request)
		}
		var late net.Error
		if ctx.Err() != nil || !errors.As(err, &late) || !late.Timeout() {
			return err
		}
	}
}

func replies(b []byte, request *stun.Message) error {
	m := &stun.Message{Raw: b}
	if err := m.Decode(); err != nil {
		return err
	}
	if m.Type != stun.BindingSuccess || m.TransactionID != request.TransactionID {
		return errors.New("something else answers")
	}
	return nil
}

func framed(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}

func readFrame(r *bufio.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r, b)
	return b, err
}
