package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
	"github.com/streamcat/streamcat/internal/tlsport/tlstest"
)

// doctor examines with these settings; ports are any, unless the settings say otherwise.
func doctor(t *testing.T, settings ...string) (found findings, code int) {
	t.Helper()
	args := []string{"doctor", "--json", "--ffmpeg", "off", "--data-dir", t.TempDir()}
	for _, name := range []string{"http", "rtmp", "srt", "webrtc", "admin", "https"} {
		args = append(args, "--"+name+"-addr", "127.0.0.1:0")
	}
	text, code := output(t, append(args, settings...)...)
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return found, code
}

// of gives what was found about one thing, the worst first.
func (f findings) of(check string) (worst finding) {
	for _, one := range f {
		if one.Check == check && (worst.Check == "" || one.Level == broken || one.Level == warning && worst.Level == fine) {
			worst = one
		}
	}
	return worst
}

func TestTheDoctorFindsAHealthyMachineWithoutAServer(t *testing.T) {
	found, code := doctor(t)
	if code != 0 {
		t.Errorf("exit code %d: %+v", code, found)
	}
	for _, check := range []string{"settings", "http-addr", "rtmp-addr", "srt-addr", "webrtc-addr", "admin-addr", "public", "webrtc udp", "webrtc tcp", "clock"} {
		if f := found.of(check); f.Level != fine || !strings.HasSuffix(f.Says, ".") {
			t.Errorf("%s: %+v", check, f)
		}
	}
}

func TestTheDoctorAsksTheServerThatRuns(t *testing.T) {
	dir := t.TempDir()
	e := enginetest.Start(t, enginetest.DataDir(dir))
	a := e.Addresses()
	// Its own addresses, as its settings file would have them: each is in use, and by the right one.
	found, code := doctor(t, "--data-dir", dir, "--http-addr", a.HTTP, "--rtmp-addr", a.RTMP, "--srt-addr", a.SRT, "--webrtc-addr", a.WebRTC, "--admin-addr", a.Admin)
	if code != 0 {
		t.Errorf("exit code %d: %+v", code, found)
	}
	for check, addr := range map[string]string{"http-addr": a.HTTP, "rtmp-addr": a.RTMP, "srt-addr": a.SRT, "webrtc-addr": a.WebRTC, "admin-addr": a.Admin, "webrtc udp": a.WebRTC, "webrtc tcp": a.WebRTC} {
		if f := found.of(check); f.Level != fine || !strings.HasPrefix(f.Says, addr) {
			t.Errorf("%s: %+v, want %s", check, f, addr)
		}
	}
	left, err := ivsrealtime.NewFromConfig(e.AWS()).ListStages(t.Context(), &ivsrealtime.ListStagesInput{})
	if err != nil || len(left.Stages) != 0 {
		t.Errorf("%d stages are left, %v", len(left.Stages), err)
	}
	found, _ = doctor(t, "--data-dir", dir, "--public-ip", "192.0.2.7")
	if f := found.of("webrtc"); f.Level != warning || !strings.Contains(f.Says, "192.0.2.7") {
		t.Errorf("settings that the server does not have: %+v", f)
	}
}

func TestTheDoctorNamesWhatIsBroken(t *testing.T) {
	ca := tlstest.New(t)
	cert, key := ca.Issue(t.TempDir(), "live.example.org")
	_, otherKey := ca.Issue(t.TempDir(), "live.example.org")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(slow.Close)

	for name, c := range map[string]struct {
		settings []string
		check    string
		level    level
		says     string
		line     string
	}{
		"a setting that makes no sense":      {[]string{"--region", "nowhere"}, "settings", broken, "nowhere", "region:"},
		"a directory that is a file":         {[]string{"--data-dir", file + "/data"}, "data-dir", broken, "Nothing can be written", "data-dir: "},
		"a port of another program":          {[]string{"--rtmp-addr", taken.Addr().String()}, "rtmp-addr", broken, "used by another program", "rtmp-addr: 127.0.0.1:"},
		"an address of another machine":      {[]string{"--http-addr", "192.0.2.1:8080"}, "http-addr", broken, "no address of this machine", "http-addr: 0.0.0.0:8080"},
		"media on loopback, pages elsewhere": {[]string{"--public-url", "http://live.example.org"}, "public", broken, "loopback alone", "webrtc-addr: 0.0.0.0:"},
		"an address that leads nowhere":      {[]string{"--public-ip", "127.0.0.1:9"}, "webrtc udp", broken, "127.0.0.1:9", "webrtc-addr: "},
		"the same by TCP":                    {[]string{"--public-ip", "127.0.0.1:9"}, "webrtc tcp", broken, "127.0.0.1:9", "webrtc-addr: "},
		"no certificate file":                {[]string{"--tls-cert", file + ".pem", "--tls-key", key}, "certificate", broken, "no such file", "tls-cert: "},
		"the key of another certificate":     {[]string{"--tls-cert", cert, "--tls-key", otherKey}, "certificate", broken, "not the private key", "tls-key: "},
		"a certificate for another name":     {[]string{"--tls-cert", cert, "--tls-key", key, "--public-url", "https://tv.example.org"}, "certificate", broken, "not for tv.example.org", "public-url: https://live.example.org"},
		"a certificate near its end":         {[]string{"--tls-cert", cert, "--tls-key", key}, "certificate", warning, "but ends on", "tls-cert: "},
		"a name that does not resolve":       {[]string{"--acme-domains", "live.invalid", "--acme-ca", "https://127.0.0.1:9/"}, "certificate", broken, "does not resolve", "acme-domains: "},
		"a clock that is off":                {[]string{"--ivs-endpoint", slow.URL}, "clock", broken, "1h0m", ""},
		"ffmpeg that is not there":           {[]string{"--ffmpeg", file}, "ffmpeg", broken, "cannot be used", "ffmpeg: "},
	} {
		t.Run(name, func(t *testing.T) {
			found, code := doctor(t, c.settings...)
			f := found.of(c.check)
			if f.Level != c.level || !strings.Contains(f.Says, c.says) || !strings.HasPrefix(f.Line, c.line) {
				t.Errorf("%+v, want %s with %q and %q", f, c.level, c.says, c.line)
			}
			if c.level == broken && code != exitFailed {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

func TestMediaMustBeAnnouncedWherePeopleAre(t *testing.T) {
	for name, c := range map[string]struct {
		public, told string
		want         level
	}{
		"a name, media on loopback":           {"https://live.example.org", "127.0.0.1:8189", broken},
		"a name, media in a private network":  {"https://live.example.org", "10.1.2.3:8189", warning},
		"a name, media in public":             {"https://live.example.org", "203.0.113.7:8189", fine},
		"both in one private network":         {"http://10.1.2.3:8080", "10.1.2.3:8189", fine},
		"a public address, media in private":  {"http://203.0.113.7", "10.1.2.3:8189", warning},
		"a host of the own network, by name":  {"http://nas:8080", "10.1.2.3:8189", fine},
		"this machine for itself":             {"http://localhost:8080", "127.0.0.1:8189", fine},
		"nothing said":                        {"", "127.0.0.1:8189", fine},
		"IPv6, media on loopback":             {"http://[2001:db8::1]", "[::1]:8189", broken},
		"IPv6, media in public":               {"http://[2001:db8::1]", "[2001:db8::1]:8189", fine},
		"IPv6, media on unique local address": {"http://[2001:db8::1]", "[fd00::1]:8189", warning},
	} {
		var f findings
		checkPublic(&f, engine.Config{PublicURL: c.public, WebRTCAddr: "127.0.0.1:8189"}, []candidate{{"udp", netip.MustParseAddrPort(c.told)}})
		if len(f) != 1 || f[0].Level != c.want || (c.want == fine) != (f[0].Line == "") {
			t.Errorf("%s: %+v, want %s", name, f, c.want)
		}
	}
}

func TestTheDoctorPrintsLinesForPeople(t *testing.T) {
	text, code := output(t, "doctor", "--data-dir", t.TempDir(), "--region", "nowhere")
	if want := "fault    settings     region: \"nowhere\" is not the name of a region, such as us-east-1.\n                      → region: us-east-1\n"; text != want || code != exitFailed {
		t.Errorf("printed %q, exit code %d, want %q", text, code, want)
	}
}
