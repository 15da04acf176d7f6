package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	seatsFile        = "seats-p256.pem"
	earlierSeatsFile = "seats.pem" // of servers that signed with P-384; their tokens last two weeks at most

	seatVersion  = "0.3" // what tokens made by the API carry; those that customers sign say "1.0"
	maxSeatToken = 8 << 10
)

// Seats makes and checks participant tokens: JSON Web Tokens signed with ES256 by a key of this server, or
// with ES384 by customers. Nobody else verifies the server's own, so the curve is the one that costs a tenth
// of the other. It is safe for concurrent use.
type Seats struct {
	key            *ecdsa.PrivateKey
	own            []seatKey // whose tokens are ours; the first is the public half of key
	parser, signed *jwt.Parser
}

// seatKey is what verifies tokens of one kid. Ours name no resource and are of no use to customers.
type seatKey struct {
	public *ecdsa.PublicKey
	id     string
	method jwt.SigningMethod
}

// NewSeats opens the signing key in the keyring, or makes it. Tokens of the key that earlier versions signed
// with are good as long as it is there.
func NewSeats(k *Keyring) (*Seats, error) {
	text, err := k.file(seatsFile, newSeatsFile)
	if err != nil {
		return nil, err
	}
	s := &Seats{parser: seatParser(jwt.SigningMethodES256, jwt.SigningMethodES384), signed: seatParser(jwt.SigningMethodES384)}
	if s.key, err = s.add(seatsFile, text, elliptic.P256(), jwt.SigningMethodES256); err != nil {
		return nil, err
	}
	switch text, err = readPrivate(filepath.Join(k.dir, earlierSeatsFile)); {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil
	case err != nil:
		return nil, err
	}
	_, err = s.add(earlierSeatsFile, text, elliptic.P384(), jwt.SigningMethodES384)
	return s, err
}

func newSeatsFile() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func seatParser(methods ...jwt.SigningMethod) *jwt.Parser {
	var names []string
	for _, m := range methods {
		names = append(names, m.Alg())
	}
	return jwt.NewParser(jwt.WithValidMethods(names), jwt.WithoutClaimsValidation()) // whoever verifies does that by the caller's clock
}

// add reads a key file and takes tokens that were signed with it.
func (s *Seats) add(name string, text []byte, curve elliptic.Curve, method jwt.SigningMethod) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("keyring: %s is not PEM", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", name, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != curve {
		return nil, fmt.Errorf("keyring: %s is not a %s key", name, curve.Params().Name)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("keyring: %s: %w", name, err)
	}
	sum := sha256.Sum256(der)
	s.own = append(s.own, seatKey{&key.PublicKey, "server/" + base64.RawURLEncoding.EncodeToString(sum[:12]), method})
	return key, nil
}

// ownKey finds the key of this server that a token says it was signed with.
func (s *Seats) ownKey(t *jwt.Token) (any, error) {
	for _, k := range s.own {
		if t.Header["kid"] == k.id && t.Method.Alg() == k.method.Alg() {
			return k.public, nil
		}
	}
	return nil, errors.New("another key's token")
}

// Seat is what a participant token grants: one participant's place on one stage.
type Seat struct {
	ParticipantID      string
	StageARN, StageID  string
	UserID             string            // may be empty
	Attributes         map[string]string // may be nil; visible to every participant
	Publish, Subscribe bool
	EventsURL, WhipURL string // where the token is to be used; clients read them from the payload
	Issued, Expires    time.Time
}

// seatClaims is the payload. Clients read it without verifying, so the names are fixed.
type seatClaims struct {
	Expires      *jwt.NumericDate  `json:"exp"`
	Issued       *jwt.NumericDate  `json:"iat"`
	ID           string            `json:"jti"`
	Resource     string            `json:"resource"`
	Topic        string            `json:"topic"`
	EventsURL    string            `json:"events_url"`
	WhipURL      string            `json:"whip_url"`
	UserID       string            `json:"user_id,omitempty"`
	Attributes   map[string]string `json:"attributes,omitempty"`
	Capabilities seatCapabilities  `json:"capabilities"`
	Version      string            `json:"version"`
}

type seatCapabilities struct {
	Publish   bool `json:"allow_publish"`
	Subscribe bool `json:"allow_subscribe"`
}

func (c *seatClaims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires, nil }
func (c *seatClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.Issued, nil }
func (c *seatClaims) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (c *seatClaims) GetIssuer() (string, error)                   { return "", nil }
func (c *seatClaims) GetSubject() (string, error)                  { return "", nil }
func (c *seatClaims) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// Mint makes the token for a seat. Times are kept to the second.
func (s *Seats) Mint(seat Seat) (token string, err error) {
	t := jwt.NewWithClaims(s.own[0].method, &seatClaims{
		Expires: jwt.NewNumericDate(seat.Expires), Issued: jwt.NewNumericDate(seat.Issued),
		ID: seat.ParticipantID, Resource: seat.StageARN, Topic: seat.StageID,
		EventsURL: seat.EventsURL, WhipURL: seat.WhipURL,
		UserID: seat.UserID, Attributes: seat.Attributes,
		Capabilities: seatCapabilities{seat.Publish, seat.Subscribe},
		Version:      seatVersion,
	})
	t.Header["kid"] = s.own[0].id
	token, err = t.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("sign participant token: %w", err)
	}
	return token, nil
}

// ErrSeatExpired is the cause of the fault for a token that this server made and whose time is over.
var ErrSeatExpired = errors.New("its time is over")

// Verify reads a token that this server made and that is valid at now. Anything else is a Denied fault;
// errors.Is tells with ErrSeatExpired whether the token was good once.
func (s *Seats) Verify(token string, now time.Time) (Seat, error) {
	if len(token) > maxSeatToken {
		return Seat{}, fault.AccessDenied("the participant token is too long")
	}
	var c seatClaims
	_, err := s.parser.ParseWithClaims(token, &c, s.ownKey)
	switch {
	case err != nil || c.Expires == nil || c.Issued == nil || c.Version != seatVersion:
		return Seat{}, fault.AccessDenied("the participant token is not valid")
	case !now.Before(c.Expires.Time):
		return Seat{}, fault.AccessDenied("the participant token is expired").Because(ErrSeatExpired)
	}
	return c.seat(), nil
}
