package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

var playbackNow = time.Unix(1_800_000_000, 0)

func p384(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed signs header and payload as they are.
func signed(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	code := base64.RawURLEncoding
	text := code.EncodeToString([]byte(header)) + "." + code.EncodeToString([]byte(payload))
	sum := sha512.Sum384([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 96)
	r.FillBytes(raw[:48])
	s.FillBytes(raw[48:])
	return text + "." + code.EncodeToString(raw)
}

const (
	es384   = `{"alg":"ES384","typ":"JWT"}`
	aimedAt = `"aws:channel-arn":"arn:aws:ivs:us-east-1:000000000000:channel/AbCdEf123456","exp":1800000600`
)

// verifyPlayback reads a token and sees who signed it.
func verifyPlayback(token string, keys []*ecdsa.PublicKey, now time.Time) (auth.Playback, error) {
	t, err := auth.ReadPlayback(token, now)
	if err != nil {
		return auth.Playback{}, err
	}
	if t.SignedBy(keys) == nil {
		return auth.Playback{}, fault.AccessDenied("no playback key has signed it")
	}
	return t.Claims, nil
}

func TestEveryClaimIsReadAndChecked(t *testing.T) {
	key := p384(t)
	usual := auth.Playback{ChannelARN: "arn:aws:ivs:us-east-1:000000000000:channel/AbCdEf123456", Expires: playbackNow.Add(10 * time.Minute)}
	with := func(change func(*auth.Playback)) *auth.Playback {
		p := usual
		change(&p)
		return &p
	}
	for name, c := range map[string]struct {
		claims string
		want   *auth.Playback // nil: refused
	}{
		"the least":                  {aimedAt, &usual},
		"unknown claims are ignored": {aimedAt + `,"sub":7,"aws:new":{"a":[]}`, &usual},
		"null is absent":             {aimedAt + `,"aws:viewer-id":null,"aws:single-use-uuid":null,"aws:maximum-resolution":null,"aws:ads-player-params":null`, &usual},
		"no channel":                 {`"exp":1800000600`, nil},
		"a channel that is a number": {`"aws:channel-arn":7,"exp":1800000600`, nil},
		"no time":                    {`"aws:channel-arn":"a"`, nil},
		"a time that is text":        {`"aws:channel-arn":"a","exp":"soon"`, nil},
		"a time in quotes":           {`"aws:channel-arn":"a","exp":"1800000600"`, nil},
		"a time beyond all measure":  {`"aws:channel-arn":"a","exp":1e300`, nil},
		"a time before all":          {`"aws:channel-arn":"a","exp":-1}`, nil},
		"now is too late":            {`"aws:channel-arn":"a","exp":1800000000`, nil},
		"a fraction of a second":     {`"aws:channel-arn":"a","exp":1800000001.5`, &auth.Playback{ChannelARN: "a", Expires: playbackNow.Add(time.Second)}},
		"a year ahead":               {`"aws:channel-arn":"a","exp":1831536000`, &auth.Playback{ChannelARN: "a", Expires: time.Unix(1_831_536_000, 0)}},
		"origins":                    {aimedAt + `,"aws:access-control-allow-origin":"https://a.example, https://*.b.example:8443"`, with(func(p *auth.Playback) { p.Origins = []string{"https://a.example", "https://*.b.example:8443"} })},
		"no origins":                 {aimedAt + `,"aws:access-control-allow-origin":""`, &usual},
		"an origin with a path":      {aimedAt + `,"aws:access-control-allow-origin":"https://a.example/x"`, nil},
		"origins in a list":          {aimedAt + `,"aws:access-control-allow-origin":["https://a.example"]`, nil},
		"strict":                     {aimedAt + `,"aws:access-control-allow-origin":"https://a","aws:strict-origin-enforcement":true`, with(func(p *auth.Playback) { p.Origins, p.Strict = []string{"https://a"}, true })},
		"strict with five origins": {aimedAt + `,"aws:access-control-allow-origin":"https://a,https://b,https://c,https://d,https://e","aws:strict-origin-enforcement":true`, with(func(p *auth.Playback) {
			p.Origins, p.Strict = []string{"https://a", "https://b", "https://c", "https://d", "https://e"}, true
		})},
		"strict with six origins":      {aimedAt + `,"aws:access-control-allow-origin":"https://a,https://b,https://c,https://d,https://e,https://f","aws:strict-origin-enforcement":true`, nil},
		"strict with none":             {aimedAt + `,"aws:strict-origin-enforcement":true`, nil},
		"strict as text":               {aimedAt + `,"aws:access-control-allow-origin":"https://a","aws:strict-origin-enforcement":"true"`, nil},
		"for a single use":             {aimedAt + `,"aws:single-use-uuid":"0E5BD3DE-52a8-4f0c-8b4d-5f7c52b7b0a1"`, with(func(p *auth.Playback) { p.SingleUse = "0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1" })},
		"no UUID":                      {aimedAt + `,"aws:single-use-uuid":"once"`, nil},
		"a UUID in braces":             {aimedAt + `,"aws:single-use-uuid":"{0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1}"`, nil},
		"a single use next year":       {`"aws:channel-arn":"a","exp":1831536000,"aws:single-use-uuid":"0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1"`, nil},
		"a viewer":                     {aimedAt + `,"aws:viewer-id":"v"`, with(func(p *auth.Playback) { p.ViewerID = "v" })},
		"a viewer of 40 characters":    {aimedAt + `,"aws:viewer-id":"` + strings.Repeat("ü", 40) + `"`, with(func(p *auth.Playback) { p.ViewerID = strings.Repeat("ü", 40) })},
		"a viewer of 41 characters":    {aimedAt + `,"aws:viewer-id":"` + strings.Repeat("v", 41) + `"`, nil},
		"a viewer without a name":      {aimedAt + `,"aws:viewer-id":""`, nil},
		"a viewer that is a number":    {aimedAt + `,"aws:viewer-id":7`, nil},
		"a viewer in an hour":          {`"aws:channel-arn":"a","exp":1800003600,"aws:viewer-id":"v"`, nil},
		"a clock that is ahead":        {`"aws:channel-arn":"a","exp":1800000625,"aws:viewer-id":"v"`, &auth.Playback{ChannelARN: "a", Expires: playbackNow.Add(625 * time.Second), ViewerID: "v"}},
		"a session version":            {aimedAt + `,"aws:viewer-session-version":3`, with(func(p *auth.Playback) { p.SessionVersion = 3 })},
		"half a session version":       {aimedAt + `,"aws:viewer-session-version":3.5`, nil},
		"a session version below zero": {aimedAt + `,"aws:viewer-session-version":-1`, nil},
		"a session version as text":    {aimedAt + `,"aws:viewer-session-version":"x"`, nil},
		"a resolution":                 {aimedAt + `,"aws:maximum-resolution":"FULL_HD"`, with(func(p *auth.Playback) { p.MaxResolution = "FULL_HD" })},
		"another resolution":           {aimedAt + `,"aws:maximum-resolution":"8K"`, nil},
		"ads":                          {aimedAt + `,"aws:ads-opt-out":true,"aws:ads-player-params":{"a":"b"},"aws:ads-reporting-mode":"CLIENT","aws:ads-playback-config-name":"c"`, &usual},
		"an opt-out as text":           {aimedAt + `,"aws:ads-opt-out":"yes"`, nil},
		"ad parameters in a list":      {aimedAt + `,"aws:ads-player-params":["a"]`, nil},
		"too many ad parameters":       {aimedAt + `,"aws:ads-player-params":{"a":"` + strings.Repeat("x", 1000) + `"}`, nil},
		"another reporting mode":       {aimedAt + `,"aws:ads-reporting-mode":"NONE"`, nil},
		"a configuration without name": {aimedAt + `,"aws:ads-playback-config-name":""`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			token := signed(t, key, es384, "{"+c.claims+"}")
			got, err := verifyPlayback(token, []*ecdsa.PublicKey{&p384(t).PublicKey, &key.PublicKey}, playbackNow)
			if c.want == nil {
				if fault.Of(err) != fault.Denied || strings.Contains(err.Error(), token) {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			if diff := cmp.Diff(*c.want, got); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestOnlyKnownKeysSignPlaybackTokens(t *testing.T) {
	key, other := p384(t), p384(t)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	payload := "{" + aimedAt + "}"
	good := signed(t, key, es384, payload)
	foreign, err := jwt.NewWithClaims(jwt.SigningMethodES384, jwt.MapClaims{"aws:channel-arn": "a", "exp": 1800000600}).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		token string
		keys  []*ecdsa.PublicKey
		ok    bool
	}{
		"the key is among others":          {good, []*ecdsa.PublicKey{&other.PublicKey, nil, &p256.PublicKey, &key.PublicKey}, true},
		"a library's token":                {foreign, []*ecdsa.PublicKey{&key.PublicKey}, true},
		"a key id is ignored":              {signed(t, key, `{"alg":"ES384","kid":"x"}`, payload), []*ecdsa.PublicKey{&key.PublicKey}, true},
		"the key is gone":                  {good, []*ecdsa.PublicKey{&other.PublicKey}, false},
		"there are no keys":                {good, nil, false},
		"no signature":                     {parts[0] + "." + parts[1] + ".", []*ecdsa.PublicKey{&key.PublicKey}, false},
		"alg none":                         {signed(t, key, `{"alg":"none"}`, payload), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"alg ES256":                        {signed(t, key, `{"alg":"ES256","typ":"JWT"}`, payload), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"another type":                     {signed(t, key, `{"alg":"ES384","typ":"JWE"}`, payload), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"something critical":               {signed(t, key, `{"alg":"ES384","crit":["x"]}`, payload), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"another payload":                  {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"aws:channel-arn":"b","exp":1800000600}`)) + "." + parts[2], []*ecdsa.PublicKey{&key.PublicKey}, false},
		"four parts":                       {good + ".x", []*ecdsa.PublicKey{&key.PublicKey}, false},
		"two parts":                        {parts[0] + "." + parts[1], []*ecdsa.PublicKey{&key.PublicKey}, false},
		"nothing":                          {"", []*ecdsa.PublicKey{&key.PublicKey}, false},
		"padding":                          {good + "=", []*ecdsa.PublicKey{&key.PublicKey}, false},
		"claims that are a list":           {signed(t, key, es384, `[]`), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"longer than anybody's token":      {signed(t, key, es384, `{`+aimedAt+`,"x":"`+strings.Repeat("x", 8<<10)+`"}`), []*ecdsa.PublicKey{&key.PublicKey}, false},
		"signed with a curve that differs": {good, []*ecdsa.PublicKey{&p256.PublicKey}, false},
	} {
		if _, err := verifyPlayback(c.token, c.keys, playbackNow); (err == nil) != c.ok || err != nil && fault.Of(err) != fault.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		pattern, header string
		want            bool
	}{
		{"https://a.example", "https://a.example", true},
		{"https://A.example:443", "https://a.EXAMPLE", true},
		{"http://a.example", "https://a.example", false},
		{"https://a.example", "https://a.example:8443", false},
		{"https://a.example:8443", "https://a.example:8443", true},
		{"https://*.a.example", "https://b.a.example", true},
		{"https://*.a.example", "https://c.b.a.example", true},
		{"https://*.a.example", "https://a.example", false},
		{"https://*.a.example", "https://evil-a.example", false},
		{"https://*a.example", "https://ba.example", true},
		{"https://*.a.example", "https://x/.a.example", false},
		{"https://*.a.example", "https://evil.example#.a.example", false},
		{"https://a.example", "https://a.example.evil.example", false},
		{"https://*", "https://a.example", true},
		{"https://*", "http://a.example", false},
		{"*", "http://a.example", true},
		{"*", "null", true},
		{"*", "", false},
		{"https://a.example", "null", false},
		{"https://a.example", "", false},
		{"http://[::1]:8080", "http://[::1]:8080", true},
		{"http://localhost:8080", "http://localhost:8080", true},
		{"https://a.example", "https://*", false},
	} {
		if got := auth.AllowsOrigin([]string{"https://other.example", c.pattern}, c.header); got != c.want {
			t.Errorf("%q with %q: %v", c.pattern, c.header, got)
		}
	}
	if auth.AllowsOrigin(nil, "https://a.example") {
		t.Error("no pattern allows an origin")
	}
}

func FuzzPlaybackToken(f *testing.F) {
	key := p384(f)
	f.Add(signed(f, key, es384, "{"+aimedAt+"}"))
	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := verifyPlayback(token, []*ecdsa.PublicKey{&p384(t).PublicKey}, playbackNow); fault.Of(err) != fault.Denied {
			t.Errorf("%q by an unknown key: %v", token, err)
		}
	})
}

func FuzzPlaybackClaims(f *testing.F) {
	key := p384(f)
	for _, claims := range []string{
		aimedAt, aimedAt + `,"aws:viewer-id":"v","aws:viewer-session-version":1`, `"exp":1e9`,
		aimedAt + `,"aws:access-control-allow-origin":"https://*.a.example","aws:strict-origin-enforcement":true`,
		aimedAt + `,"aws:single-use-uuid":"0e5bd3de-52a8-4f0c-8b4d-5f7c52b7b0a1","aws:ads-player-params":{"a":"b"}`,
	} {
		f.Add("{" + claims + "}")
	}
	f.Fuzz(func(t *testing.T, payload string) {
		p, err := verifyPlayback(signed(t, key, es384, payload), []*ecdsa.PublicKey{&key.PublicKey}, playbackNow)
		if err != nil {
			if fault.Of(err) != fault.Denied {
				t.Errorf("%q: %v", payload, err)
			}
			return
		}
		if !p.Expires.After(playbackNow) || len([]rune(p.ViewerID)) > 40 || p.SessionVersion < 0 || p.Strict && len(p.Origins) == 0 {
			t.Errorf("%q gave %+v", payload, p)
		}
		for _, pattern := range p.Origins {
			if again, err := auth.ParseOrigins(pattern); err != nil || len(again) != 1 || again[0] != pattern {
				t.Errorf("%q does not read again: %q, %v", pattern, again, err)
			}
		}
	})
}
