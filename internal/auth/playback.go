package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	maxPlaybackToken = 8 << 10
	maxViewerID      = 40
	maxAdParams      = 1000 // bytes
	maxStrictOrigins = 5
	// A token for one use, or of a viewer who can be revoked, must be used soon; its maker's clock may be a
	// little ahead of ours.
	soon      = 10 * time.Minute
	clockSkew = 30 * time.Second
	lastDate  = 253402300799 // the end of the year 9999
)

// Playback is what a playback token grants: one viewer's start of one private channel.
type Playback struct {
	ChannelARN     string
	Expires        time.Time // until when watching may begin
	Origins        []string  // patterns for AllowsOrigin; empty: all
	Strict         bool      // every request must carry an allowed origin
	SingleUse      string    // a UUID: the token is good once; empty: as often as one likes
	ViewerID       string    // empty: the viewer cannot be revoked
	SessionVersion int64
	MaxResolution  string // SD, HD or FULL_HD; empty: any
}

// playbackClaims are all claims that are known; others are ignored. Those about advertisements are
// checked, but grant nothing here.
type playbackClaims struct {
	ChannelARN     *string         `json:"aws:channel-arn"`
	Expires        number          `json:"exp"`
	Origins        string          `json:"aws:access-control-allow-origin"`
	Strict         bool            `json:"aws:strict-origin-enforcement"`
	SingleUse      *string         `json:"aws:single-use-uuid"`
	ViewerID       *string         `json:"aws:viewer-id"`
	SessionVersion number          `json:"aws:viewer-session-version"`
	MaxResolution  *string         `json:"aws:maximum-resolution"`
	AdsOptOut      bool            `json:"aws:ads-opt-out"`
	AdsParams      json.RawMessage `json:"aws:ads-player-params"`
	AdsReporting   *string         `json:"aws:ads-reporting-mode"`
	AdsConfig      *string         `json:"aws:ads-playback-config-name"`
}

// number is a JSON number as it was written; empty: there is none. Unlike json.Number it is no string.
type number string

func (n *number) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*n = number(b)
	default:
		return errors.New("not a number")
	}
	return nil
}

// PlaybackToken is a playback token that says what a good one would. Who says it is seen by SignedBy, which
// costs a thousand times as much as all else.
type PlaybackToken struct {
	Claims Playback // of whoever wrote the token, until it is known who signed it

	sum  [sha512.Size384]byte // of what is signed
	r, s *big.Int
}

// ReadPlayback reads a playback token with which watching could begin now. Anything else is a Denied
// fault, which never repeats the token. Who signed it, whether it is for the channel at hand, and for the
// first time, is the caller's to see.
func ReadPlayback(token string, now time.Time) (*PlaybackToken, error) {
	t, payload, err := openPlayback(token)
	if err != nil {
		return nil, fault.AccessDenied("the playback token is not valid").Because(err)
	}
	t.Claims, err = readPlayback(payload)
	switch p := &t.Claims; {
	case err != nil:
		return nil, fault.AccessDenied("the playback token is not valid: %v", err)
	case !now.Before(p.Expires):
		return nil, fault.AccessDenied("the playback token is expired")
	case (p.SingleUse != "" || p.ViewerID != "") && p.Expires.After(now.Add(soon+clockSkew)):
		return nil, fault.AccessDenied("the playback token is not valid: a viewer's token and one for a single use must expire within 10 minutes")
	}
	return t, nil
}

// SignedBy gives the key that has signed the token, nil if none of the keys has. The header names no key, so
// every key is tried (RFC 7518 §3.4).
func (t *PlaybackToken) SignedBy(keys []*ecdsa.PublicKey) *ecdsa.PublicKey {
	for _, key := range keys {
		if key != nil && key.Curve == elliptic.P384() && ecdsa.Verify(key, t.sum[:], t.r, t.s) {
			return key
		}
	}
	return nil
}

// openPlayback checks the form (RFC 7515 §3.1) and gives the claims as they stand there.
func openPlayback(token string) (t *PlaybackToken, payload []byte, err error) {
	if len(token) > maxPlaybackToken {
		return nil, nil, errors.New("it is too long")
	}
	signed, signature, ok := cutLast(token)
	head, body, ok2 := strings.Cut(signed, ".")
	if !ok || !ok2 || strings.Contains(body, ".") {
		return nil, nil, errors.New("it does not have three parts")
	}
	code := base64.RawURLEncoding.Strict()
	rawHead, err1 := code.DecodeString(head)
	payload, err2 := code.DecodeString(body)
	raw, err3 := code.DecodeString(signature)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, nil, errors.New("it is not base64url")
	}
	var header struct {
		Algorithm string          `json:"alg"`
		Type      string          `json:"typ"`
		Critical  json.RawMessage `json:"crit"`
	}
	if json.Unmarshal(rawHead, &header) != nil || header.Algorithm != "ES384" || header.Critical != nil ||
		header.Type != "" && !strings.EqualFold(header.Type, "JWT") {
		return nil, nil, errors.New("its header is not that of an ES384 token")
	}
	const half = 48
	if len(raw) != 2*half {
		return nil, nil, errors.New("its signature is not of ES384")
	}
	return &PlaybackToken{
		sum: sha512.Sum384([]byte(signed)),
		r:   new(big.Int).SetBytes(raw[:half]), s: new(big.Int).SetBytes(raw[half:]),
	}, payload, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, '.')
	if i < 0 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}

// readPlayback reads the claims. Errors name the claim, and none of its value.
func readPlayback(payload []byte) (p Playback, err error) {
	var c playbackClaims
	if err := json.Unmarshal(payload, &c); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return p, errors.New(wrong.Field + " is of the wrong type")
		}
		return p, errors.New("its claims are no JSON object")
	}
	if c.ChannelARN == nil {
		return p, errors.New("aws:channel-arn is missing")
	}
	seconds, err := strconv.ParseFloat(string(c.Expires), 64)
	if err != nil || !(seconds > 0 && seconds <= lastDate) {
		return p, errors.New("exp is missing or no time in seconds")
	}
	p = Playback{ChannelARN: *c.ChannelARN, Expires: time.Unix(int64(seconds), 0), Strict: c.Strict}
	if p.Origins, err = ParseOrigins(c.Origins); err != nil {
		return p, errors.New("aws:access-control-allow-origin holds what is no origin")
	}
	if p.Strict && (len(p.Origins) == 0 || len(p.Origins) > maxStrictOrigins) {
		return p, errors.New("aws:strict-origin-enforcement needs one to five origins")
	}
	if c.SingleUse != nil {
		id, err := uuid.Parse(*c.SingleUse)
		if err != nil || len(*c.SingleUse) != 36 {
			return p, errors.New("aws:single-use-uuid is no UUID")
		}
		p.SingleUse = id.String()
	}
	if c.ViewerID != nil {
		if n := utf8.RuneCountInString(*c.ViewerID); n == 0 || n > maxViewerID {
			return p, errors.New("aws:viewer-id does not have 1 to 40 characters")
		}
		p.ViewerID = *c.ViewerID
	}
	if c.SessionVersion != "" {
		if p.SessionVersion, err = strconv.ParseInt(string(c.SessionVersion), 10, 64); err != nil || p.SessionVersion < 0 {
			return p, errors.New("aws:viewer-session-version is no whole number from zero on")
		}
	}
	if c.MaxResolution != nil {
		switch *c.MaxResolution {
		case "SD", "HD", "FULL_HD":
			p.MaxResolution = *c.MaxResolution
		default:
			return p, errors.New("aws:maximum-resolution is none of SD, HD and FULL_HD")
		}
	}
	return p, c.checkAds()
}

func (c *playbackClaims) checkAds() error {
	if raw := bytes.TrimSpace(c.AdsParams); len(raw) > maxAdParams || len(raw) > 0 && raw[0] != '{' && string(raw) != "null" {
		return errors.New("aws:ads-player-params is no object of at most 1000 bytes")
	}
	if c.AdsReporting != nil && *c.AdsReporting != "CLIENT" && *c.AdsReporting != "SERVER" {
		return errors.New("aws:ads-reporting-mode is neither CLIENT nor SERVER")
	}
	if c.AdsConfig != nil && *c.AdsConfig == "" {
		return errors.New("aws:ads-playback-config-name is empty")
	}
	return nil
}
