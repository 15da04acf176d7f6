package auth

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

const maxChatPass = 8 << 10

// ChatPass is what a chat token grants: one connection to one room, opened within a minute.
type ChatPass struct {
	ID                       string // by which the room sees that the pass was used before
	RoomARN                  string
	UserID                   string
	Attributes               map[string]string // may be nil; travels with every message of this user
	Send, Delete, Disconnect bool
	Issued                   time.Time
	TokenExpires             time.Time // the last moment to connect
	SessionExpires           time.Time // the end of the connection; counted from Issued
}

// ChatPasses makes and checks chat tokens: a small JSON document and its HMAC-SHA-256, both in base64url
// and joined by a dot, because the token travels as a WebSocket subprotocol. Checking one costs a few
// microseconds, so a room of reconnecting clients is cheap to let in. It is safe for concurrent use.
type ChatPasses struct{ key []byte }

// NewChatPasses derives the signing key from the keyring.
func NewChatPasses(k *Keyring) *ChatPasses { return &ChatPasses{k.derive("chat pass 1")} }

// chatPass is the document on the wire: times in Unix milliseconds, capabilities as letters.
type chatPass struct {
	ID             string            `json:"i"`
	Room           string            `json:"r"`
	User           string            `json:"u"`
	Attributes     map[string]string `json:"a,omitempty"`
	Capabilities   string            `json:"c,omitempty"` // of "s" send, "d" delete, "k" disconnect
	Issued         int64             `json:"t"`
	TokenExpires   int64             `json:"e"`
	SessionExpires int64             `json:"x"`
}

// Mint makes the token for a pass. Times are kept to the millisecond.
func (c *ChatPasses) Mint(p ChatPass) (string, error) {
	doc := chatPass{
		ID: p.ID, Room: p.RoomARN, User: p.UserID, Attributes: p.Attributes,
		Issued: p.Issued.UnixMilli(), TokenExpires: p.TokenExpires.UnixMilli(), SessionExpires: p.SessionExpires.UnixMilli(),
	}
	for _, may := range []struct {
		letter string
		ok     bool
	}{{"s", p.Send}, {"d", p.Delete}, {"k", p.Disconnect}} {
		if may.ok {
			doc.Capabilities += may.letter
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return "", fmt.Errorf("chat pass: %w", err)
	}
	head := base64.RawURLEncoding.EncodeToString(text)
	return head + "." + base64.RawURLEncoding.EncodeToString(mac(c.key, []byte(head))), nil
}

// Verify reads a token that this server made and whose minute is not over at now. Anything else is a
// Denied fault. Whether it was used before is not known here: the room asks the database.
func (c *ChatPasses) Verify(token string, now time.Time) (ChatPass, error) {
	if len(token) > maxChatPass {
		return ChatPass{}, fault.AccessDenied("the chat token is too long")
	}
	head, tail, _ := strings.Cut(token, ".")
	want := base64.RawURLEncoding.EncodeToString(mac(c.key, []byte(head)))
	if !hmac.Equal([]byte(want), []byte(tail)) {
		return ChatPass{}, fault.AccessDenied("the chat token is not valid")
	}
	text, err := base64.RawURLEncoding.DecodeString(head)
	var doc chatPass
	if err == nil {
		err = json.Unmarshal(text, &doc)
	}
	if err != nil { // we signed it, so this is our own mistake
		return ChatPass{}, fmt.Errorf("chat pass: %w", err)
	}
	p := ChatPass{
		ID: doc.ID, RoomARN: doc.Room, UserID: doc.User, Attributes: doc.Attributes,
		Send:       strings.Contains(doc.Capabilities, "s"),
		Delete:     strings.Contains(doc.Capabilities, "d"),
		Disconnect: strings.Contains(doc.Capabilities, "k"),
		Issued:     time.UnixMilli(doc.Issued).UTC(), TokenExpires: time.UnixMilli(doc.TokenExpires).UTC(), SessionExpires: time.UnixMilli(doc.SessionExpires).UTC(),
	}
	if !now.Before(p.TokenExpires) {
		return ChatPass{}, fault.AccessDenied("the chat token is expired")
	}
	return p, nil
}
