package api

import (
	"log/slog"
	"time"
)

// Secret is a string that only JSON shows: printed or logged, it is hidden.
type Secret string

// String hides the secret.
func (Secret) String() string { return "[hidden]" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return "[hidden]" }

// LogValue hides the secret from logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[hidden]") }

// Seconds is a time that JSON shows in UTC with whole seconds, as the low-latency service does.
type Seconds struct{ time.Time }

// MarshalJSON prints such as "2026-05-05T21:55:38Z".
func (t Seconds) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05Z"`), nil
}

// Millis is a time that JSON shows in UTC with milliseconds, as the other two services do.
type Millis struct{ time.Time }

// MarshalJSON prints such as "2026-05-05T21:55:38.120Z".
func (t Millis) MarshalJSON() ([]byte, error) {
	return t.UTC().AppendFormat(nil, `"2006-01-02T15:04:05.000Z"`), nil
}
