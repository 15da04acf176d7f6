package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/tlsport"
	"github.com/streamcat/streamcat/internal/transcode"
)

const (
	lookTime = 5 * time.Second // for one question to somebody else

	faultBytes, warnBytes = 256 << 20, 2 << 30 // free where the database is

	warnExpiry = 14 * 24 * time.Hour

	// SigV4 refuses what is signed five minutes off; participant tokens and certificates suffer, too.
	warnClock, faultClock = 30 * time.Second, 5 * time.Minute
)

// ask makes one request whose answer, whatever it is, tells something. The caller closes its body.
func ask(ctx context.Context, address string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: lookTime, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return client.Do(req)
}

// here replaces "all interfaces" by loopback.
func here(bound string) string {
	host, port, _ := net.SplitHostPort(bound)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func checkDataDir(f *findings, cfg engine.Config, on *engine.Addresses) {
	dir := cfg.DataDir
	if cfg.Ephemeral {
		dir = os.TempDir()
	}
	for { // where it will be made, if it is not there
		if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	probe, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		f.add("data-dir", broken, "data-dir: /var/lib/streamcat", "Nothing can be written in %s: %v.", dir, err)
		return
	}
	probe.Close()
	os.Remove(probe.Name())
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		f.add("data-dir", warning, "", "%s can be written, but how much room it has is not known: %v.", dir, err)
		return
	}
	free := uint64(disk.Bavail) * uint64(disk.Bsize)
	room := fmt.Sprintf("%.1f GiB", float64(free)/(1<<30))
	switch {
	case free < faultBytes:
		f.add("data-dir", broken, "data-dir: /path/on/a/larger/disk", "%s has only %s left.", dir, room)
	case free < warnBytes:
		f.add("data-dir", warning, "data-dir: /path/on/a/larger/disk", "%s has only %s left.", dir, room)
	case on != nil:
		f.add("data-dir", fine, "", "%s can be written and has %s left; a StreamCat runs on it.", dir, room)
	default:
		f.add("data-dir", fine, "", "%s can be written and has %s left.", dir, room)
	}
}

// checkPorts wants every listener's port to be free, or to be that of the server that runs here.
func checkPorts(f *findings, cfg engine.Config, on *engine.Addresses) {
	type listener struct {
		setting, addr, served string
		tcp, udp              bool
	}
	var a engine.Addresses
	if on != nil {
		a = *on
	}
	all := []listener{
		{"http-addr", cfg.HTTPAddr, a.HTTP, true, false},
		{"rtmp-addr", cfg.RTMPAddr, a.RTMP, true, false},
		{"srt-addr", cfg.SRTAddr, a.SRT, false, true},
		{"webrtc-addr", cfg.WebRTCAddr, a.WebRTC, true, true},
		{"admin-addr", cfg.AdminAddr, a.Admin, true, false},
	}
	if cfg.TLSCert != "" || cfg.ACMEDomains != "" {
		all = append(all, listener{"https-addr", cfg.HTTPSAddr, a.HTTPS, true, false})
	}
	if cfg.TURNAddr != "off" {
		all = append(all, listener{"turn-addr", cfg.TURNAddr, a.TURN, true, true})
	}
	for _, l := range all {
		host, port, _ := net.SplitHostPort(l.addr)
		_, servedPort, _ := net.SplitHostPort(l.served)
		if l.served != "" && (port == "0" || port == servedPort) {
			f.add(l.setting, fine, "", "%s is served by the StreamCat that runs here.", l.served)
			continue
		}
		switch err := bindable(l.addr, l.tcp, l.udp); {
		case err == nil && port == "0":
			f.add(l.setting, fine, "", "Any free port will do.")
		case err == nil:
			f.add(l.setting, fine, "", "%s is free.", l.addr)
		case errors.Is(err, syscall.EADDRINUSE):
			f.add(l.setting, broken, l.setting+": "+net.JoinHostPort(host, "<another port>"), "%s is used by another program.", l.addr)
		case errors.Is(err, syscall.EADDRNOTAVAIL):
			f.add(l.setting, broken, l.setting+": "+net.JoinHostPort("0.0.0.0", port), "%s is no address of this machine.", host)
		case errors.Is(err, syscall.EACCES):
			f.add(l.setting, broken, l.setting+": "+net.JoinHostPort(host, "<a port above 1023>"), "%s may not be opened by this user.", l.addr)
		default:
			f.add(l.setting, broken, l.setting+":", "%s cannot be opened: %v.", l.addr, err)
		}
	}
}

// bindable opens a port for a moment.
func bindable(addr string, tcp, udp bool) error {
	if tcp {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		defer ln.Close()
	}
	if udp {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			return err
		}
		defer pc.Close()
	}
	return nil
}

func checkCertificate(ctx context.Context, f *findings, cfg engine.Config, on *engine.Addresses) {
	switch {
	case cfg.TLSCert != "":
		checkCertificateFiles(f, cfg, on)
	case cfg.ACMEDomains != "":
		for name := range strings.SplitSeq(cfg.ACMEDomains, ",") {
			if name = strings.TrimSpace(name); name != "" {
				checkDomain(ctx, f, cfg, name)
			}
		}
	case strings.HasPrefix(cfg.PublicURL, "https://"):
		f.add("certificate", fine, "", "Not checked: public-url is https, so a proxy in front has the certificate.")
	default:
		f.add("certificate", warning, "acme-domains: <this server's name>", "There is none: browsers give camera and microphone only on HTTPS or on this machine.")
	}
}

func checkCertificateFiles(f *findings, cfg engine.Config, on *engine.Addresses) {
	files, err := tlsport.OpenFiles(cfg.TLSCert, cfg.TLSKey, slog.New(slog.DiscardHandler), nil)
	var bad *tlsport.FileError
	if errors.As(err, &bad) && bad.Key {
		f.add("certificate", broken, "tls-key: <the key of "+cfg.TLSCert+">", "tls-key: %v.", bad)
		return
	} else if err != nil {
		f.add("certificate", broken, "tls-cert: <a PEM file with the certificate and its chain>", "tls-cert: %v.", err)
		return
	}
	leaf := files.Leaf()
	public := cfg.PublicURL
	if public == "" && on != nil {
		public = on.URL
	}
	if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
		if err := leaf.VerifyHostname(u.Hostname()); err != nil {
			line := "tls-cert: <one for " + u.Hostname() + ">"
			if i := slices.IndexFunc(leaf.DNSNames, func(n string) bool { return !strings.Contains(n, "*") }); i >= 0 {
				line = "public-url: https://" + leaf.DNSNames[i]
			}
			f.add("certificate", broken, line, "It is not for %s, where people reach this server: %v.", u.Hostname(), err)
			return
		}
	}
	end := leaf.NotAfter.UTC().Format(time.RFC1123)
	switch left := time.Until(leaf.NotAfter); {
	case left <= 0:
		f.add("certificate", broken, "tls-cert: <one that is renewed>", "It ended on %s.", end)
	case time.Until(leaf.NotBefore) > 0:
		f.add("certificate", broken, "tls-cert: <one that is valid now>", "It begins only on %s.", leaf.NotBefore.UTC().Format(time.RFC1123))
	case left < warnExpiry:
		f.add("certificate", warning, "tls-cert: <one that is renewed>", "It is good, but ends on %s.", end)
	default:
		f.add("certificate", fine, "", "It is good until %s.", end)
	}
}

// checkDomain wants a name to lead to this machine, as the authority will follow it.
func checkDomain(ctx context.Context, f *findings, cfg engine.Config, name string) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		f.add("certificate", broken, "acme-domains: <names that the DNS has>", "%s does not resolve, so no authority certifies it.", name)
		return
	}
	for _, a := range addrs {
		if ownAddress(a.Unmap()) || slices.ContainsFunc(configuredIPs(cfg), func(c candidate) bool { return c.at.Addr() == a.Unmap() }) {
			f.add("certificate", fine, "", "%s leads here, by %s.", name, a.Unmap())
			return
		}
	}
	f.add("certificate", warning, "public-ip: "+addrs[0].Unmap().String(), "%s leads to %s, which is no address of this machine nor in public-ip.", name, addrs[0].Unmap())
}

// checkClock compares with a server that the settings name: nobody else is asked.
func checkClock(ctx context.Context, f *findings, cfg engine.Config) {
	peer := ""
	switch {
	case cfg.IVSEndpoint == "aws":
		peer = "https://ivs." + cfg.Region + ".amazonaws.com/"
	case cfg.IVSEndpoint != "":
		peer = cfg.IVSEndpoint
	case cfg.ACMEDomains != "":
		peer = cmp.Or(cfg.ACMECA, "https://acme-v02.api.letsencrypt.org/directory")
	default:
		f.add("clock", fine, "", "Not checked: no setting names a server to compare with.")
		return
	}
	u, _ := url.Parse(peer)
	resp, err := ask(ctx, peer)
	if err != nil {
		f.add("clock", warning, "", "Not checked: %s does not answer.", u.Host)
		return
	}
	resp.Body.Close()
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		f.add("clock", warning, "", "Not checked: %s does not say what time it is.", u.Host)
		return
	}
	switch off := time.Since(theirs).Abs().Round(time.Second); {
	case off > faultClock:
		f.add("clock", broken, "", "It is %v off %s, and signed requests are refused from five minutes on: let NTP set it (timedatectl set-ntp true).", off, u.Host)
	case off > warnClock:
		f.add("clock", warning, "", "It is %v off %s: let NTP set it (timedatectl set-ntp true).", off, u.Host)
	default:
		f.add("clock", fine, "", "It agrees with %s.", u.Host)
	}
}

func checkFFmpeg(f *findings, cfg engine.Config) {
	if cfg.FFmpeg == "off" {
		f.add("ffmpeg", warning, "ffmpeg: ffmpeg", "It is off: what browsers send keeps its Opus sound, which not every player takes.")
		return
	}
	found, err := transcode.FindFFmpeg(cmp.Or(cfg.FFmpeg, "ffmpeg"))
	switch {
	case err != nil && cfg.FFmpeg != "":
		f.add("ffmpeg", broken, "ffmpeg: /usr/bin/ffmpeg", "The one that is set cannot be used: %v.", err)
	case err != nil:
		f.add("ffmpeg", warning, "ffmpeg: /usr/bin/ffmpeg", "There is none (%v): what browsers send keeps its Opus sound, which not every player takes.", err)
	default:
		f.add("ffmpeg", fine, "", "Version %s.", found.Version())
	}
}
