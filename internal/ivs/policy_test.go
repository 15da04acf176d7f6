package ivs

import (
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/channel"
	"github.com/streamcat/streamcat/internal/fault"
)

func TestAPolicyLivesThroughTheSDK(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	dir := NewDirectory(w.db, w.keyring, here)

	open, err := c.CreatePlaybackRestrictionPolicy(ctx, &sdk.CreatePlaybackRestrictionPolicyInput{})
	if err != nil {
		t.Fatal(err)
	}
	if p := open.PlaybackRestrictionPolicy; *p.Name != "" || *p.EnableStrictOriginEnforcement || p.AllowedCountries == nil || p.AllowedOrigins == nil ||
		len(p.AllowedCountries)+len(p.AllowedOrigins) != 0 || p.Tags == nil {
		t.Errorf("defaults: %+v", p)
	}

	made, err := c.CreatePlaybackRestrictionPolicy(ctx, &sdk.CreatePlaybackRestrictionPolicyInput{
		Name: new("p"), AllowedCountries: []string{"SE", "NO"}, AllowedOrigins: []string{"https://*.example.com", "http://localhost:3000"},
		EnableStrictOriginEnforcement: new(true), Tags: map[string]string{"a": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := made.PlaybackRestrictionPolicy.Arn
	got, err := c.GetPlaybackRestrictionPolicy(ctx, &sdk.GetPlaybackRestrictionPolicyInput{Arn: name})
	if err != nil {
		t.Fatal(err)
	}
	if *got.PlaybackRestrictionPolicy.Name != "p" || got.PlaybackRestrictionPolicy.Tags["a"] != "1" || *got.PlaybackRestrictionPolicy.Arn != *name {
		t.Errorf("got %+v", got.PlaybackRestrictionPolicy)
	}
	judges := func(want channel.Policy) {
		t.Helper()
		p, err := dir.Policy(ctx, *name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, p); diff != "" {
			t.Error(diff)
		}
	}
	judges(channel.Policy{AllowedCountries: []string{"SE", "NO"}, AllowedOrigins: []string{"https://*.example.com", "http://localhost:3000"}, StrictOrigin: true})

	updated, err := c.UpdatePlaybackRestrictionPolicy(ctx, &sdk.UpdatePlaybackRestrictionPolicyInput{Arn: name, AllowedOrigins: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	if p := updated.PlaybackRestrictionPolicy; *p.Name != "p" || len(p.AllowedCountries) != 2 || len(p.AllowedOrigins) != 0 || !*p.EnableStrictOriginEnforcement || p.Tags["a"] != "1" {
		t.Errorf("an empty list opens, absent members stay: %+v", p)
	}
	judges(channel.Policy{AllowedCountries: []string{"SE", "NO"}, AllowedOrigins: []string{}, StrictOrigin: true})

	list, err := c.ListPlaybackRestrictionPolicies(ctx, &sdk.ListPlaybackRestrictionPoliciesInput{})
	if err != nil || len(list.PlaybackRestrictionPolicies) != 1 || list.NextToken == nil {
		t.Fatalf("a plain list shows one: %+v, %v", list, err)
	}
	if s := list.PlaybackRestrictionPolicies[0]; *s.Arn != *name || *s.Name != "p" || len(s.AllowedCountries) != 2 || s.AllowedOrigins == nil || !*s.EnableStrictOriginEnforcement || s.Tags["a"] != "1" {
		t.Errorf("summary: %+v", s)
	}

	if _, err := c.DeletePlaybackRestrictionPolicy(ctx, &sdk.DeletePlaybackRestrictionPolicyInput{Arn: name}); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetPlaybackRestrictionPolicy(ctx, &sdk.GetPlaybackRestrictionPolicyInput{Arn: name})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.UpdatePlaybackRestrictionPolicy(ctx, &sdk.UpdatePlaybackRestrictionPolicyInput{Arn: name, Name: new("q")})
	wantException[*types.ResourceNotFoundException](t, err)
	_, err = c.DeletePlaybackRestrictionPolicy(ctx, &sdk.DeletePlaybackRestrictionPolicyInput{Arn: name})
	wantException[*types.ResourceNotFoundException](t, err)
	if _, err := dir.Policy(ctx, *name); fault.Of(err) != fault.NotFound {
		t.Errorf("the directory on a deleted policy: %v", err)
	}
}

func TestPoliciesNameRealCountriesAndOrigins(t *testing.T) {
	w := newWorld(t, time.Now())
	c, ctx := w.client(t), t.Context()
	made, err := c.CreatePlaybackRestrictionPolicy(ctx, &sdk.CreatePlaybackRestrictionPolicyInput{})
	if err != nil {
		t.Fatal(err)
	}
	try := func(countries, origins []string) (create, update error) {
		_, create = c.CreatePlaybackRestrictionPolicy(ctx, &sdk.CreatePlaybackRestrictionPolicyInput{AllowedCountries: countries, AllowedOrigins: origins})
		_, update = c.UpdatePlaybackRestrictionPolicy(ctx, &sdk.UpdatePlaybackRestrictionPolicyInput{
			Arn: made.PlaybackRestrictionPolicy.Arn, AllowedCountries: countries, AllowedOrigins: origins,
		})
		return create, update
	}
	for _, code := range []string{"XX", "EU", "UK", "us", "U1", "ß1", "USA", ""} {
		create, update := try([]string{"US", code}, nil)
		for _, err := range []error{create, update} {
			if m := wantException[*types.ValidationException](t, err); !strings.HasPrefix(m, "allowedCountries[1] must") {
				t.Errorf("country %q: %s", code, m)
			}
		}
	}
	for _, origin := range badOrigins {
		create, update := try(nil, []string{"https://example.com", origin})
		for _, err := range []error{create, update} {
			if m := wantException[*types.ValidationException](t, err); !strings.HasPrefix(m, "allowedOrigins[1] must") {
				t.Errorf("origin %q: %s", origin, m)
			}
		}
	}
	for _, origin := range goodOrigins {
		create, update := try([]string{"AX", "ZW"}, []string{origin})
		if create != nil || update != nil {
			t.Errorf("origin %q: %v, %v", origin, create, update)
		}
	}
}

var (
	goodOrigins = []string{
		"https://example.com", "http://localhost", "http://localhost:3000", "https://*.example.com", "https://*.example.com:8443",
		"http://127.0.0.1:8080", "http://[::1]:80", "null", "capacitor://localhost", "https://xn--bcher-kva.example", "HTTPS://Example.COM",
	}
	badOrigins = []string{
		"", "*", "example.com", "https://", "https://example.com/", "https://example.com/path", "https://example.com?x", "https://example.com#x",
		"https://user@example.com", "https://example.com:", "https://example.com:0", "https://example.com:65536", "https://example.com:80a",
		"https://*", "https://*example.com", "https://a.*.example.com", "https://*.", "https://[::1", "https://[1.2.3.4]", "https://[*.::1]",
		"https://exa mple.com", "https://bücher.example", "https://a,https://b", "https://-a.example", "https://a..b", "://a", "1http://a",
		"https://example.com\n", "https://" + strings.Repeat("a", 121),
	}
)

// The list of countries is compared with the one that the time zone database carries.
func TestCountriesAreThoseOfISO3166(t *testing.T) {
	table, err := os.ReadFile("testdata/iso3166.tab")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "#") {
			want = append(want, line[:2])
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, countries); diff != "" || len(countries) != 249 {
		t.Error(diff)
	}
}

func FuzzOrigin(f *testing.F) {
	for _, s := range slices.Concat(goodOrigins, badOrigins) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !isOrigin(s) || s == "null" {
			return
		}
		u, err := url.Parse(strings.Replace(s, "://*.", "://star.", 1))
		if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil || u.Path != "" || strings.ContainsAny(s, "?#") {
			t.Errorf("%q is taken for an origin: %+v, %v", s, u, err)
		}
	})
}
