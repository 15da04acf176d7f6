package room

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
)

// Actions, as requests name them and as metrics label them.
const (
	actionSend       = "SEND_MESSAGE"
	actionDelete     = "DELETE_MESSAGE"
	actionDisconnect = "DISCONNECT_USER"
	actionEvent      = "SEND_EVENT" // only by the HTTP API
	actionOther      = "OTHER"      // for metrics: what clients ask that does not exist
)

// Limits in code points.
const (
	maxReason    = 256
	maxUserID    = 128
	maxRequestID = 256
	messageIDLen = 12
)

// request is one frame from a client. Member names match in any case, because hand-written clients send
// "action" where SDKs send "Action".
type request struct {
	Action     string
	RequestID  string `json:"RequestId"`
	Content    string
	Attributes attributes
	ID         string `json:"Id"`
	UserID     string `json:"UserId"`
	Reason     string
}

// parseRequest reads a frame. On an error, an Invalid fault, what could be read is there: the RequestId
// above all, by which the client finds out which request was bad.
func parseRequest(payload []byte) (*request, error) {
	r := new(request)
	if err := json.Unmarshal(payload, r); err != nil {
		if r.RequestID == "" {
			r.RequestID = findRequestID(payload)
		}
		if t := (*json.UnmarshalTypeError)(nil); errors.As(err, &t) && t.Field != "" {
			return r, fault.InvalidInput("%s has the wrong JSON type", t.Field)
		}
		return r, fault.InvalidInput("the request is not a JSON object")
	}
	return r, nil
}

// findRequestID looks for the request's id in the beginning of a frame that cannot be parsed as a whole.
func findRequestID(beginning []byte) string {
	d := json.NewDecoder(bytes.NewReader(beginning))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return ""
	}
	for {
		name, err := d.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return ""
		}
		if s, ok := name.(string); ok && strings.EqualFold(s, "RequestId") {
			var id string
			_ = json.Unmarshal(value, &id) // not a string: then there is none
			return id
		}
	}
}

// label gives the action as a metric's label; clients must not be able to invent labels.
func (r *request) label() string {
	switch r.Action {
	case actionSend, actionDelete, actionDisconnect:
		return r.Action
	}
	return actionOther
}

// check judges everything about a request but whether its sender may make it now.
func (r *request) check(maxContent, maxAttributes int) error {
	if over(r.RequestID, maxRequestID) {
		return tooLarge("RequestId", maxRequestID)
	}
	if over(r.Reason, maxReason) {
		return tooLarge("Reason", maxReason)
	}
	switch r.Action {
	case actionSend:
		switch {
		case r.Content == "":
			return missing("Content")
		case over(r.Content, maxContent):
			return tooLarge("Content", maxContent)
		case r.Attributes.size() > maxAttributes:
			return fault.OverQuota(maxAttributes, "Attributes are larger than %d bytes", maxAttributes)
		}
	case actionDelete:
		switch {
		case r.ID == "":
			return missing("Id")
		case !isMessageID(r.ID):
			return fault.InvalidInput("Id is not the id of a message")
		}
	case actionDisconnect:
		switch {
		case r.UserID == "":
			return missing("UserId")
		case over(r.UserID, maxUserID):
			return tooLarge("UserId", maxUserID)
		}
	case "":
		return missing("Action")
	default:
		return fault.InvalidInput("Action is none of SEND_MESSAGE, DELETE_MESSAGE, DISCONNECT_USER")
	}
	return nil
}

func over(s string, limit int) bool { return len(s) > limit && utf8.RuneCountInString(s) > limit }

func missing(member string) error { return fault.InvalidInput("%s is missing", member) }

func tooLarge(member string, limit int) error {
	return fault.OverQuota(limit, "%s is longer than %d characters", member, limit)
}

func isMessageID(s string) bool {
	return len(s) == messageIDLen && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) < 0
}

// code maps an error to the ErrorCode of a failure frame.
func code(err error) int {
	if errors.Is(err, errExpired) {
		return 401
	}
	if r := (*rejection)(nil); errors.As(err, &r) {
		return 406
	}
	switch fault.Of(err) {
	case fault.Invalid:
		return 400
	case fault.Denied:
		return 403
	case fault.NotFound:
		return 404
	case fault.Quota:
		return 413
	case fault.Throttled:
		return 429
	default:
		return 500
	}
}
