// Package api speaks the REST-JSON protocol of the three IVS services: it takes a signed HTTP request,
// finds the operation, decodes and validates its input, calls one typed function and answers in AWS's
// form, errors included.
//
// What is promised: every answer carries a request id; every failure carries AWS's exception name and
// status, and no cause; a body is at most MaxBody bytes; member names are case sensitive, unknown members
// are ignored, and a JSON null counts as absent. Checks are made in this order: signature, route, rate, JSON
// types, access policy, shape rules; what the operation itself checks comes after. A call that changes
// something is in the audit log before it is answered.
//
// The functions behind the routes know no HTTP. Shapes, their rules and the route tables are generated
// into the service packages; this package holds what they share.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
)

// MaxBody is the largest request body that is read.
const MaxBody = 1 << 20

// Service is one of the APIs behind the mux.
type Service struct {
	Name        string // in metrics and logs
	SigningName string // what the credential scope must say
	chat        bool   // errors in the form of IVS Chat
}

// The three services. Low latency and real time share a signing name.
var (
	IVS         = Service{Name: "ivs", SigningName: "ivs"}
	IVSRealTime = Service{Name: "ivs-realtime", SigningName: "ivs"}
	IVSChat     = Service{Name: "ivschat", SigningName: "ivschat", chat: true}
)

// Endpoint says where an operation is found and how it answers.
type Endpoint struct {
	Name   string // the operation
	Method string
	Path   string // "/<Name>", or "/tags/{resourceArn}"
	Status int    // of success; 204 answers without a body

	ReadOnly bool // changes nothing

	// Unavailable is the exception for a fault of that kind where the operation models one.
	Unavailable string
}

// Access is what a request asks to act on. Inputs tell it, for access policies and the audit log.
type Access struct {
	Resources []string          // the names that the input gives, unchecked; empty: see Kind
	Kind      string            // of what is made or listed, such as "channel", where nothing is named
	Uses      []string          // the names that it may give beside that, unchecked; an empty one is none
	Tags      map[string]string // that the request gives; nil where it gives none
}

// Route is an endpoint with the function that answers it. Op makes one.
type Route struct {
	Endpoint
	call func(ctx context.Context, v *visit) ([]byte, error)
}

// input is what every generated input shape can do.
type input[T any] interface {
	*T
	Validate() error
	Access() Access
}

// maker is an output that names what was made.
type maker interface{ Made() []string }

// located is an input with members in the path or the query.
type located interface {
	FromURL(resourceARN string, query url.Values)
}

// Op makes the route of one operation out of its typed function. The function gets a validated input
// and its answer is never nil when its error is.
func Op[In, Out any, P input[In]](e Endpoint, call func(context.Context, P) (*Out, error)) Route {
	return Route{Endpoint: e, call: func(ctx context.Context, v *visit) ([]byte, error) {
		in := P(new(In))
		if err := decode(v.body, in); err != nil {
			return nil, err
		}
		if l, ok := any(in).(located); ok {
			l.FromURL(v.resourceARN, v.query)
		}
		if err := v.enter(ctx, in.Access()); err != nil {
			return nil, err
		}
		if err := in.Validate(); err != nil {
			return nil, err
		}
		out, err := call(ctx, in)
		if err != nil {
			return nil, err
		}
		if made, ok := any(out).(maker); ok {
			v.about = append(slices.Clip(v.about), made.Made()...)
		}
		return encode(out)
	}}
}

// encode prints an output as JSON. Unlike json.Marshal it leaves <, > and & alone, as AWS does.
func encode(out any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
