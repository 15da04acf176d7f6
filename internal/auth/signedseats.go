package auth

import (
	"crypto/ecdsa"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/streamcat/streamcat/internal/fault"
)

const (
	signedVersion     = "1.0" // of tokens that customers sign
	maxSeatLife       = 14 * 24 * time.Hour
	maxSeatAhead      = 5 * time.Minute // a customer's clock may be this much ahead of ours
	maxSeatUser       = 128             // code points
	maxSeatAttributes = 1024            // bytes of keys and values
)

var signedSeatID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// SeatKey names the public key with which a customer signed a participant token, as the token itself says:
// the name of a resource. It is empty for tokens that this server made, and for what is no token.
func (s *Seats) SeatKey(token string) string {
	if len(token) > maxSeatToken {
		return ""
	}
	t, _, err := s.parser.ParseUnverified(token, jwt.MapClaims{})
	if err != nil {
		return ""
	}
	kid, _ := t.Header["kid"].(string)
	if !strings.HasPrefix(kid, "arn:") {
		return ""
	}
	return kid
}

// VerifySigned reads a participant token that a customer signed, and that is valid at now. Anything else is a
// Denied fault; errors.Is tells with ErrSeatExpired whether the token was good once.
func (s *Seats) VerifySigned(token string, key *ecdsa.PublicKey, now time.Time) (Seat, error) {
	if len(token) > maxSeatToken {
		return Seat{}, fault.AccessDenied("the participant token is too long")
	}
	var c seatClaims
	t, err := s.signed.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return key, nil })
	if err == nil {
		err = c.signedWell(t, now)
	}
	switch {
	case err != nil:
		return Seat{}, fault.AccessDenied("the participant token is not valid").Because(err)
	case !now.Before(c.Expires.Time):
		return Seat{}, fault.AccessDenied("the participant token is expired").Because(ErrSeatExpired)
	}
	return c.seat(), nil
}

// signedWell says what is wrong with the claims of a customer's token besides its time being over.
func (c *seatClaims) signedWell(t *jwt.Token, now time.Time) error {
	attributes := 0
	for k, v := range c.Attributes {
		attributes += len(k) + len(v)
	}
	switch {
	case t.Header["typ"] != "JWT":
		return errors.New("typ is not JWT")
	case c.Version != signedVersion:
		return errors.New("version is another one")
	case c.Expires == nil || c.Issued == nil:
		return errors.New("exp or iat is missing")
	case c.Expires.Sub(c.Issued.Time) > maxSeatLife:
		return errors.New("exp is more than 14 days after iat")
	case c.Issued.Sub(now) > maxSeatAhead:
		return errors.New("iat is in the future")
	case !signedSeatID.MatchString(c.ID):
		return errors.New("jti has not the form of a participant id")
	case utf8.RuneCountInString(c.UserID) > maxSeatUser:
		return errors.New("user_id is too long")
	case attributes > maxSeatAttributes:
		return errors.New("attributes are too long")
	}
	return nil
}

func (c *seatClaims) seat() Seat {
	return Seat{
		ParticipantID: c.ID, StageARN: c.Resource, StageID: c.Topic,
		UserID: c.UserID, Attributes: c.Attributes,
		Publish: c.Capabilities.Publish, Subscribe: c.Capabilities.Subscribe,
		EventsURL: c.EventsURL, WhipURL: c.WhipURL,
		Issued: c.Issued.UTC(), Expires: c.Expires.UTC(),
	}
}
