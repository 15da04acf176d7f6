package api

import (
	"errors"
	"net/http"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// exception is a failure as it goes over the wire: a name and a status, then what the body says.
type exception struct {
	Name    string
	Status  int
	Message string

	// The rest is only for IVS Chat, whose errors say what they are about.
	ResourceID, ResourceType string
	Limit                    int
	Fields                   []fault.Field
}

func (e *exception) Error() string { return e.Name + ": " + e.Message }

// exceptionOf turns any error into an exception. e is the route's endpoint, or empty.
func exceptionOf(err error, e Endpoint) *exception {
	var x *exception
	if errors.As(err, &x) {
		return x
	}
	var refused *auth.Refusal
	if errors.As(err, &refused) {
		return &exception{Name: refused.Name, Status: http.StatusForbidden, Message: refused.Message}
	}
	f := fault.As(err)
	if f == nil {
		f = &fault.Error{}
	}
	x = &exception{Message: fault.Message(err), ResourceID: f.ResourceID, ResourceType: f.ResourceType, Limit: f.Limit, Fields: f.Fields}
	switch f.Kind {
	case fault.Invalid:
		x.Name, x.Status = "ValidationException", http.StatusBadRequest
	case fault.Denied:
		x.Name, x.Status = "AccessDeniedException", http.StatusForbidden
	case fault.NotFound:
		x.Name, x.Status = "ResourceNotFoundException", http.StatusNotFound
	case fault.Conflict:
		x.Name, x.Status = "ConflictException", http.StatusConflict
	case fault.Quota:
		x.Name, x.Status = "ServiceQuotaExceededException", http.StatusPaymentRequired
	case fault.Throttled:
		x.Name, x.Status = "ThrottlingException", http.StatusTooManyRequests
	case fault.Pending:
		x.Name, x.Status = "PendingVerification", http.StatusForbidden
	case fault.NotLive:
		x.Name, x.Status = "ChannelNotBroadcasting", http.StatusNotFound
	case fault.Unavailable:
		x.Name, x.Status = "ServiceUnavailable", http.StatusServiceUnavailable
		if e.Unavailable != "" {
			x.Name = e.Unavailable
		}
	default:
		x.Name, x.Status = "InternalServerException", http.StatusInternalServerError
	}
	return x
}

// body prints the exception in the form of one service. IVS and real time carry the message under two
// names: the modelled one fills the typed exception, the common one fills the SDKs' generic message.
func (x *exception) body(s Service) []byte {
	if s.chat {
		return mustEncode(x.chatBody())
	}
	return mustEncode(struct {
		Message          string `json:"message"`
		ExceptionMessage string `json:"exceptionMessage"`
	}{x.Message, x.Message})
}

func mustEncode(body any) []byte {
	b, err := encode(body)
	if err != nil {
		panic("api: an error cannot be printed: " + err.Error())
	}
	return b
}

type chatError struct {
	Message      string      `json:"message"`
	ResourceID   *string     `json:"resourceId,omitempty"`
	ResourceType *string     `json:"resourceType,omitempty"`
	Limit        *int        `json:"limit,omitempty"`
	Reason       string      `json:"reason,omitempty"`
	FieldList    []chatField `json:"fieldList,omitempty"`
}

type chatField struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

func (x *exception) chatBody() chatError {
	b := chatError{Message: x.Message}
	switch x.Name {
	case "ServiceQuotaExceededException", "ThrottlingException":
		b.Limit = &x.Limit
		fallthrough
	case "ResourceNotFoundException", "ConflictException":
		kind := x.ResourceType
		if kind == "" {
			kind = "ROOM" // the model's only value, and required
		}
		b.ResourceID, b.ResourceType = &x.ResourceID, &kind
	case "ValidationException":
		b.Reason = "OTHER"
		for _, f := range x.Fields {
			b.Reason = "FIELD_VALIDATION_FAILED"
			b.FieldList = append(b.FieldList, chatField(f))
		}
	case "UnknownOperationException":
		b.Reason = "UNKNOWN_OPERATION"
	}
	return b
}
