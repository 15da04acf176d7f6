package plus

import (
	"errors"
	"net/http"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

// failure is an error as it goes over the wire. Codes are the names that IVS gives its exceptions.
type failure struct {
	Code    string `json:"code"`
	status  int
	Message string `json:"message"`
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var refused *auth.Refusal
	if errors.As(err, &refused) {
		return &failure{refused.Name, http.StatusForbidden, refused.Message}
	}
	code, status := "InternalServerException", http.StatusInternalServerError
	switch fault.Of(err) {
	case fault.Invalid:
		code, status = "ValidationException", http.StatusBadRequest
	case fault.Denied:
		code, status = "AccessDeniedException", http.StatusForbidden
	case fault.NotFound:
		code, status = "ResourceNotFoundException", http.StatusNotFound
	case fault.NotLive:
		code, status = "ChannelNotBroadcasting", http.StatusNotFound
	case fault.Conflict:
		code, status = "ConflictException", http.StatusConflict
	case fault.Quota:
		code, status = "ServiceQuotaExceededException", http.StatusPaymentRequired
	case fault.Throttled:
		code, status = "ThrottlingException", http.StatusTooManyRequests
	case fault.Unavailable:
		code, status = "ServiceUnavailable", http.StatusServiceUnavailable
	}
	return &failure{code, status, fault.Message(err)}
}
