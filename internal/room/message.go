package room

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// What clients are sent: the member names, their meaning and which are always there are Amazon IVS Chat's
// (Messaging API reference, "Message", "Event", "Error").

// message is what a person said. Everybody gets the same bytes, the sender too: that frame, by its
// RequestId, is what tells the sender's SDK that the message went out.
type message struct {
	Type       string // "MESSAGE"
	ID         string `json:"Id"`
	RequestID  string `json:"RequestId"`
	Attributes attributes
	Content    string
	SendTime   sendTime
	Sender     json.RawMessage // a sender, encoded once per connection
}

type sender struct {
	UserID     string `json:"UserId"`
	Attributes attributes
}

// event is what happened in the room, or what the application announces.
type event struct {
	Type       string // "EVENT"
	ID         string `json:"Id"`
	RequestID  string `json:"RequestId"` // empty when the HTTP API caused it
	EventName  string
	Attributes attributes
	SendTime   sendTime
}

// failure answers one request that could not be done. Its Id is fresh: SDKs drop frames without one.
type failure struct {
	Type         string // "ERROR"
	ID           string `json:"Id"`
	RequestID    string `json:"RequestId"`
	ErrorCode    int
	ErrorMessage string
}

// The events that the service itself makes.
const (
	eventDelete     = "aws:DELETE_MESSAGE"
	eventDisconnect = "aws:DISCONNECT_USER"
)

// deleted gives the attributes of a delete event. The manual calls MessageID deprecated, but Amazon's SDK
// reads only that one.
func deleted(messageID, reason string) attributes {
	return attributes{"MessageID": messageID, "MessageId": messageID, "Reason": reason}
}

func disconnected(userID, reason string) attributes {
	return attributes{"UserId": userID, "Reason": reason}
}

// attributes is a string map that prints as {} when there are none.
type attributes map[string]string

// MarshalJSON never prints null.
func (a attributes) MarshalJSON() ([]byte, error) {
	if len(a) == 0 {
		return []byte("{}"), nil
	}
	return encode(map[string]string(a))
}

// size counts bytes of names and values.
func (a attributes) size() (n int) {
	for k, v := range a {
		n += len(k) + len(v)
	}
	return n
}

// sendTime prints in RFC 3339 with nine fractional digits, in UTC.
type sendTime time.Time

// MarshalJSON prints the time.
func (t sendTime) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 32), `"2006-01-02T15:04:05.000000000Z"`), nil
}

// encode prints v as JSON and leaves <, > and & as they are: these are no web pages.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode chat frame: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
