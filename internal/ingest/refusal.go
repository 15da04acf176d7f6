package ingest

import (
	"errors"
	"io"
	"net"

	"github.com/streamcat/streamcat/internal/fault"
)

// Codes of onStatus messages.
const (
	codeStart       = "NetStream.Publish.Start"
	codeBadName     = "NetStream.Publish.BadName"  // the key: unknown, or in use
	codeDenied      = "NetStream.Publish.Denied"   // a decision about this publisher
	codeRejected    = "NetStream.Publish.Rejected" // what it sends
	codeUnpublished = "NetStream.Unpublish.Success"
	codePlayFailed  = "NetStream.Play.Failed"
)

// refusal is why the server ends a connection. It is an error so that it can travel up to where the
// connection is closed. Text goes to the encoder and to the log; it holds nothing that the encoder sent.
type refusal struct {
	label string // for the metrics: one of a short list
	code  string
	text  string
	cause error // for the log only; may be nil
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(label, code, text string) *refusal { return &refusal{label: label, code: code, text: text} }

// notAdmitted says a gate's answer to the encoder.
func notAdmitted(err error) *refusal {
	r := &refusal{label: "error", code: codeDenied, text: fault.Message(err)}
	switch fault.Of(err) {
	case fault.NotFound:
		r.label, r.code = "unknown_key", codeBadName
	case fault.Conflict:
		r.label, r.code = "key_in_use", codeBadName
	case fault.Denied, fault.Pending:
		r.label = "denied"
	case fault.Quota, fault.Throttled:
		r.label = "quota"
	case fault.Invalid:
		r.label = "invalid"
	case fault.Unavailable:
		r.label = "unavailable"
	case fault.Internal:
		r.cause = err // Message shows nothing of it
	}
	if f := fault.As(err); f != nil {
		r.cause = f.Cause
	}
	return r
}

// stopped says to the encoder why its stream was ended from this side.
func stopped(reason error) *refusal {
	r := &refusal{label: "stopped", code: codeUnpublished, text: "the stream was stopped"}
	if f := fault.As(reason); f != nil && f.Kind != fault.Internal {
		r.text = f.Message
	} else if !errors.Is(reason, io.EOF) {
		r.cause = reason
	}
	return r
}

// refusalOf gives the refusal that err amounts to, or nil if the peer just left or fell silent before
// it published anything.
func refusalOf(err error, publishing bool) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	if errors.Is(err, errCodec) {
		return &refusal{label: "codec", code: codeRejected, text: fault.Message(err)}
	}
	var bad badBytes
	if errors.As(err, &bad) {
		return &refusal{label: "bad_bytes", code: codeRejected, text: bad.Error()}
	}
	if f := fault.As(err); f != nil {
		return &refusal{label: "bad_media", code: codeRejected, text: fault.Message(err), cause: f.Cause}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		if publishing {
			return refuse("timeout", codeUnpublished, "nothing was received for too long")
		}
		return refuse("timeout", codeDenied, "nothing was published in time")
	}
	return nil
}
