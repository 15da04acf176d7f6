// Package fault is the closed list of ways in which an operation can fail.
//
// A fault is made where its meaning is known, wrapped below with %w, and mapped once at the edge:
// package api turns it into an exception and a status, site into a page, room and ingest into a code.
// A fault's message may be shown to anyone; its cause goes to the log only. An error that is not a
// fault counts as Internal.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure a fault is. The list is closed.
type Kind uint8

const (
	Internal    Kind = iota // a bug or a broken machine: the message is never shown
	Invalid                 // the request breaks a rule; repeating it cannot help
	Denied                  // the caller may not do this
	NotFound                // the named or referenced thing does not exist
	Conflict                // the thing is in a state that forbids this
	Quota                   // a count or size limit would be passed
	Throttled               // too many requests; try later
	Unavailable             // a dependency is down or the server is draining; try later
	Pending                 // the account is under review; never made by this server itself
	NotLive                 // the channel is not broadcasting
)

var names = [...]string{"internal", "invalid", "denied", "not found", "conflict", "quota", "throttled", "unavailable", "pending", "not live"}

// String gives the kind in words, for logs and metrics.
func (k Kind) String() string {
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Field names one member of a request that breaks a rule.
type Field struct {
	Name    string // the member's path, such as "tags.key" or "destinations[0].s3"
	Message string // what is wrong with it, showable
}

// Error is a fault. Message is showable to anyone; Cause is for the log.
type Error struct {
	Kind    Kind
	Message string
	Cause   error

	// ResourceID and ResourceType say what the fault is about where a wire wants it named:
	// IVS Chat's NotFound, Conflict, Quota and Throttled errors. Both may be empty.
	ResourceID, ResourceType string
	// Limit is the limit that was passed, for Quota and Throttled.
	Limit int
	// Fields lists the members that break a rule, for Invalid. It may be nil.
	Fields []Field
}

// Error joins kind, message and cause; it is meant for logs.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = e.Kind.String()
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// About adds the resource a fault speaks of and returns the same fault.
func (e *Error) About(kind, id string) *Error {
	e.ResourceType, e.ResourceID = kind, id
	return e
}

// Because adds the cause, for the log only, and returns the same fault.
func (e *Error) Because(cause error) *Error {
	e.Cause = cause
	return e
}

func newf(k Kind, format string, args []any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// InvalidInput makes an Invalid fault; the other constructors below make their own kind. Messages are
// lower case, without a full stop, and name the thing.
func InvalidInput(format string, args ...any) *Error { return newf(Invalid, format, args) }

// AccessDenied makes a Denied fault.
func AccessDenied(format string, args ...any) *Error { return newf(Denied, format, args) }

// Missing makes a NotFound fault.
func Missing(format string, args ...any) *Error { return newf(NotFound, format, args) }

// InConflict makes a Conflict fault.
func InConflict(format string, args ...any) *Error { return newf(Conflict, format, args) }

// OverQuota makes a Quota fault for the limit that would be passed.
func OverQuota(limit int, format string, args ...any) *Error {
	e := newf(Quota, format, args)
	e.Limit = limit
	return e
}

// TooFast makes a Throttled fault for the rate that was passed.
func TooFast(limit int, format string, args ...any) *Error {
	e := newf(Throttled, format, args)
	e.Limit = limit
	return e
}

// Down makes an Unavailable fault.
func Down(format string, args ...any) *Error { return newf(Unavailable, format, args) }

// Offline makes a NotLive fault.
func Offline(format string, args ...any) *Error { return newf(NotLive, format, args) }

// As finds the fault in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Of gives the kind of err: that of the first fault in its chain, Internal for anything else.
func Of(err error) Kind {
	if e := As(err); e != nil {
		return e.Kind
	}
	return Internal
}

// Message gives what may be shown of err: a fault's message, or a fixed sentence for Internal ones.
func Message(err error) string {
	if e := As(err); e != nil && e.Kind != Internal && e.Message != "" {
		return e.Message
	}
	return "an internal error occurred"
}
