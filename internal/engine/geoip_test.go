package engine_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/streamcat/streamcat/internal/engine"
	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// writeCountries makes a MaxMind DB file: networks and their countries; an empty one has a record without.
func writeCountries(t *testing.T, path, kind string, countries map[string]string) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, IncludeReservedNetworks: true, RecordSize: 24})
	if err != nil {
		t.Fatal(err)
	}
	for network, code := range countries {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		record := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(7)}
		if code != "" {
			record = mmdbtype.Map{
				"continent": mmdbtype.Map{"code": mmdbtype.String("EU")},
				"country":   mmdbtype.Map{"iso_code": mmdbtype.String(code), "names": mmdbtype.Map{"en": mmdbtype.String("somewhere")}},
			}
		}
		if err := tree.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), "new-*")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		t.Fatal(err)
	}
}

func TestAViewersCountryIsToldByTheOperatorsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "countries.mmdb")
	writeCountries(t, file, "GeoLite2-Country", map[string]string{"198.51.100.0/24": "CH", "203.0.113.0/24": "FR", "2001:db8::/32": "CH"})
	e := enginetest.Start(t, func(c *engine.Config) { c.GeoIPFile, c.TrustedProxies = file, "127.0.0.1" })
	channels := ivs.NewFromConfig(e.AWS())
	policy, err := channels.CreatePlaybackRestrictionPolicy(t.Context(), &ivs.CreatePlaybackRestrictionPolicyInput{AllowedCountries: []string{"CH"}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := channels.CreateChannel(t.Context(), &ivs.CreateChannelInput{PlaybackRestrictionPolicyArn: policy.PlaybackRestrictionPolicy.Arn})
	if err != nil {
		t.Fatal(err)
	}
	// ask gives the status for a viewer of whom a trusted proxy speaks: 404 is for who may watch an offline channel.
	ask := func(from string) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, aws.ToString(made.Channel.PlaybackUrl), nil)
		if err != nil {
			t.Fatal(err)
		}
		if from != "" {
			r.Header.Set("X-Forwarded-For", from)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for from, want := range map[string]int{
		"198.51.100.7": 404, "203.0.113.7": 403, "2001:db8::7": 404, "192.0.2.7": 403, "": 403, "198.51.100.7, 203.0.113.7": 403,
	} {
		if got := ask(from); got != want {
			t.Errorf("from %q: %d, want %d", from, got, want)
		}
	}

	// A file that is being written is no reason to know less; a newer one is taken over.
	if err := os.WriteFile(file, []byte("not yet"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the broken file was seen", func() bool { return strings.Contains(e.Log(), "the old one stays in use") })
	if got := ask("198.51.100.7"); got != 404 {
		t.Errorf("with a broken file in its place: %d", got)
	}
	writeCountries(t, file, "GeoLite2-Country", map[string]string{"198.51.100.0/24": "FR", "203.0.113.0/24": "CH"})
	eventually(t, "the new file is used", func() bool { return ask("203.0.113.7") == 404 })
	if got := ask("198.51.100.7"); got != 403 {
		t.Errorf("by the new file: %d", got)
	}
}

func TestACountryFileThatTellsNoCountriesIsABadSetting(t *testing.T) {
	dir := t.TempDir()
	write := func(name, kind string, countries map[string]string) string {
		path := filepath.Join(dir, name)
		writeCountries(t, path, kind, countries)
		return path
	}
	text := filepath.Join(dir, "text.mmdb")
	if err := os.WriteFile(text, []byte("CH"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"none":             filepath.Join(dir, "none.mmdb"),
		"text":             text,
		"about systems":    write("asn.mmdb", "GeoLite2-ASN", map[string]string{"198.51.100.0/24": ""}),
		"without networks": write("empty.mmdb", "GeoLite2-Country", nil),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := engine.Defaults()
			cfg.DataDir, cfg.GeoIPFile = t.TempDir(), path
			cfg.HTTPAddr, cfg.RTMPAddr, cfg.WebRTCAddr, cfg.AdminAddr = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
			_, err := engine.New(t.Context(), cfg, engine.NewLog(t.Output(), "info", "text"))
			var bad *engine.BadConfig
			if !errors.As(err, &bad) || bad.Setting != "geoip-file" {
				t.Errorf("%v", err)
			}
		})
	}
}
