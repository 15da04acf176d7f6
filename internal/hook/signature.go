package hook

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// secretPrefix begins the text of a webhook's secret; the bytes that sign follow it in base64.
//
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
const secretPrefix = "whsec_"

// newSecret makes the text of a secret of 32 bytes.
func newSecret() string {
	var key [32]byte
	rand.Read(key[:]) // never fails; it ends the process instead
	return secretPrefix + base64.StdEncoding.EncodeToString(key[:])
}

// ParseSecret gives the bytes of a secret that somebody brings along: 24 to 64, as the format has it. Any
// other text is an Invalid fault.
func ParseSecret(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, fault.InvalidInput("a secret must be %s and the base64 of 24 to 64 bytes", secretPrefix)
	}
	return key, nil
}

// Sign gives the value of the header webhook-signature: one signature for each key.
func Sign(keys [][]byte, id string, at time.Time, body []byte) string {
	var signatures []string
	for _, key := range keys {
		signatures = append(signatures, auth.SignHook(key, id, at, body))
	}
	return strings.Join(signatures, " ")
}
