package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"github.com/streamcat/streamcat/internal/fault"
)

// page is what a page token holds: where the next page begins, and a fingerprint of the listing.
type page[C any] struct {
	After   C      `json:"a"`
	Listing string `json:"l"`
}

// NextToken makes the token of the page after cursor, or nil where there is none. listing is all that
// decides what the list holds: the operation's name and its filters, in a fixed order. A token is
// no secret and gives no rights.
func NextToken[C any](cursor *C, listing ...string) *string {
	if cursor == nil {
		return nil
	}
	b, err := json.Marshal(page[C]{*cursor, fingerprint(listing)})
	if err != nil {
		panic("api: a page cursor cannot be printed: " + err.Error())
	}
	return new(base64.RawURLEncoding.EncodeToString(b))
}

// Page reads what NextToken made. No token, or an empty one, means the first page: a nil cursor. A token
// that is damaged or belongs to another listing is an Invalid fault.
func Page[C any](token *string, listing ...string) (*C, error) {
	if token == nil || *token == "" {
		return nil, nil
	}
	var p page[C]
	b, err := base64.RawURLEncoding.DecodeString(*token)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.Listing != fingerprint(listing) {
		e := fault.InvalidInput("nextToken is not one that this request can go on from")
		e.Fields = []fault.Field{{Name: "nextToken", Message: "is not one that this request can go on from"}}
		return nil, e
	}
	return &p.After, nil
}

func fingerprint(listing []string) string {
	h := sha256.New()
	for _, s := range listing {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(s))))
		h.Write([]byte(s))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:9])
}
