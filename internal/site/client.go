package site

import (
	"net/http"
	"net/netip"
	"strings"
)

// clients tells where requests come from, behind proxies that may be believed.
type clients []netip.Prefix

// address gives a request's peer; if that is a trusted proxy, who the proxy says it had the request from,
// and so on through all trusted ones. What others wrote into X-Forwarded-For is not believed. The zero
// Addr is no network peer at all.
func (trusted clients) address(r *http.Request) netip.Addr {
	at := parseAddress(r.RemoteAddr)
	if !trusted.contain(at) {
		return at
	}
	chain := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	for more := true; more && trusted.contain(at); {
		last := chain
		if i := strings.LastIndexByte(chain, ','); i >= 0 {
			chain, last = chain[:i], chain[i+1:]
		} else {
			more = false
		}
		before := parseAddress(strings.TrimSpace(last))
		if !before.IsValid() {
			break
		}
		at = before
	}
	return at
}

// ClientAddr tells where requests come from, behind proxies that may be believed. The port is zero where only
// a proxy knows it.
func ClientAddr(trusted []netip.Prefix) func(*http.Request) netip.AddrPort {
	return func(r *http.Request) netip.AddrPort {
		at := clients(trusted).address(r)
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && peer.Addr().Unmap() == at {
			return peer
		}
		return netip.AddrPortFrom(at, 0)
	}
}

func (trusted clients) contain(a netip.Addr) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// network names where a request comes from: an IPv4 address, or an IPv6 network of the size one customer
// gets.
func (trusted clients) network(r *http.Request) string {
	a := trusted.address(r)
	if !a.IsValid() {
		return r.RemoteAddr
	}
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// parseAddress reads an address with or without a port; an IPv4 address in IPv6 clothes comes out plain.
func parseAddress(text string) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		a = withPort.Addr()
	}
	return a.Unmap().WithZone("")
}
