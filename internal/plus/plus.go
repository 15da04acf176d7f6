// Package plus is the API for what IVS has no word for: access keys, the audit log, past events, webhooks and
// what is measured of streams, as signed JSON below /engine/v1/. docs/protocols/engine-v1.md is its manual.
//
// Requests are signed like those of IVS, with the signing name "streamcat". This API is ours alone, so it
// is stricter: members and parameters that it does not know are refused. Checks are made in this order:
// signature, route, access policy, form of the request; then what the operation itself wants. Every call that
// changes something is in the audit log before it is answered.
package plus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/api"
	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/hook"
	"github.com/streamcat/streamcat/internal/store"
)

// Prefix begins the paths of this API, and SigningName is what its credential scopes must say.
const (
	Prefix      = "/engine/v1/"
	SigningName = "streamcat"
)

// bodyTime is how long a client may take to send its body.
const bodyTime = 30 * time.Second

// Deps are what a Service needs. AccessKeys, Streams, Rooms, Audit, ClientAddr, Log and Registerer may be nil.
type Deps struct {
	DB         *store.DB
	Webhooks   *hook.Webhooks
	AccessKeys AccessKeys  // nil: keys cannot be managed here
	Streams    Streams     // nil: nothing is measured here
	History    ChatHistory // nil: rooms have no past here
	Rooms      Rooms       // nil: there are no rooms to keep order in
	Verifier   *auth.SigV4
	Minter     arn.Minter // whose region and account are in names and envelopes
	Audit      interface {
		Record(ctx context.Context, e store.AuditEntry) error
	}
	ClientAddr func(*http.Request) netip.AddrPort // nil: the connection's peer
	Log        *slog.Logger
	Registerer prometheus.Registerer
}

// Service answers requests below Prefix.
type Service struct {
	d        Deps
	mux      *http.ServeMux
	features []string

	auditFailures prometheus.Counter
}

// NewService makes a service.
func NewService(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.Default()
	}
	if d.ClientAddr == nil {
		d.ClientAddr = func(r *http.Request) netip.AddrPort {
			at, _ := netip.ParseAddrPort(r.RemoteAddr)
			return at
		}
	}
	s := &Service{d: d, mux: http.NewServeMux(), features: []string{"audit", "events", "webhooks"}, auditFailures: api.NewAuditFailures("engine")}
	if d.Registerer != nil {
		d.Registerer.MustRegister(s.auditFailures)
	}
	s.handle(operation{"GetFeatures", "GET features", http.StatusOK, nil, nil, s.getFeatures})
	s.handleEvents()
	s.handleWebhooks()
	if d.AccessKeys != nil {
		s.features = append([]string{"access-keys"}, s.features...)
		s.handleAccessKeys()
	}
	if d.Streams != nil {
		s.features = append(s.features, "stream-health")
		s.handleStreams()
	}
	if d.History != nil {
		s.features = append(s.features, "chat-history")
		s.handleHistory()
	}
	if d.Rooms != nil {
		s.features = append(s.features, "chat-bans", "chat-time-outs", "chat-modes", "chat-pinned")
		s.handleRooms()
	}
	s.mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) {
		visitOf(r).err = &failure{"UnknownOperationException", http.StatusNotFound, "there is no operation at " + r.Method + " " + r.URL.Path}
	})
	return s
}

// operation is one thing that can be asked for.
type operation struct {
	name     string
	route    string                // method and path below Prefix
	status   int                   // of success; 204 answers without a body
	query    []string              // the parameters that it knows
	resource func(v *visit) string // what it is about; nil: everything
	call     func(v *visit) (any, error)
}

// visit is one request on its way.
type visit struct {
	*http.Request
	body   []byte
	who    auth.Principal
	source netip.Addr
	op     *operation
	about  []string // names of what it acts on, then of what it made
	status int
	answer any
	err    error
}

type visitKey struct{}

func visitOf(r *http.Request) *visit { return r.Context().Value(visitKey{}).(*visit) }

// handle adds an operation.
func (s *Service) handle(op operation) {
	method, path, _ := strings.Cut(op.route, " ")
	s.mux.HandleFunc(method+" "+Prefix+path, func(_ http.ResponseWriter, r *http.Request) {
		v := visitOf(r)
		v.Request, v.op, v.status = r, &op, op.status
		v.answer, v.err = s.perform(v)
	})
}

// perform lets a request in and does what it asks for.
func (s *Service) perform(v *visit) (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	resource := "*"
	if v.op.resource != nil {
		resource = v.op.resource(v)
		if idForm.MatchString(v.PathValue("id")) { // the log of what was done takes nothing else that somebody sends
			v.about = []string{resource}
		}
	}
	ask := auth.Ask{Action: SigningName + ":" + v.op.name, Resource: resource, Source: v.source}
	if err := v.who.Authorize(s.d.Minter.Region, ask); err != nil {
		return nil, err
	}
	if err := v.checkQuery(); err != nil {
		return nil, err
	}
	if v.op.resource != nil && v.about == nil {
		return nil, fault.Missing("%.64q does not exist", v.PathValue("id"))
	}
	return v.op.call(v)
}

// idForm is what ids of access keys and webhooks look like.
var idForm = regexp.MustCompile(`^\w{1,128}$`)

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began, id := time.Now(), uuid.NewString()
	v := &visit{source: s.d.ClientAddr(r).Addr().Unmap()}
	if v.body, v.err = readBody(w, r); v.err == nil {
		v.who, v.err = s.d.Verifier.Verify(r, v.body)
	}
	if v.err == nil {
		ctx := context.WithValue(auth.WithPrincipal(r.Context(), v.who), visitKey{}, v)
		s.mux.ServeHTTP(discard{http.Header{}}, r.WithContext(ctx))
		if v.op == nil && v.err == nil { // the mux itself has answered: a path that is not clean
			v.err = &failure{"UnknownOperationException", http.StatusNotFound, "there is no operation at " + r.Method + " " + r.URL.Path}
		}
	}
	result := "ok"
	if v.err != nil {
		f := failureOf(v.err)
		if f.status == http.StatusInternalServerError && r.Context().Err() == nil {
			s.d.Log.Error("engine api: operation failed", "path", r.URL.Path, "request_id", id, "error", v.err)
		}
		v.status, v.answer, result = f.status, f, f.Code
	}
	s.audit(v, id, result, began)
	h := w.Header()
	h.Set("X-Amzn-Requestid", id)
	h.Set("Cache-Control", "no-store")
	if v.status == http.StatusNoContent {
		w.WriteHeader(v.status)
		return
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v.answer); err != nil {
		panic("plus: an answer cannot be printed: " + err.Error())
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(v.status)
	_, _ = w.Write(b.Bytes()) // who has gone does not mind
}

// discard takes what the mux writes by itself.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// audit writes down a call that changes something, or was to. Where that fails the answer stays what it is:
// the change is made.
func (s *Service) audit(v *visit, id, result string, at time.Time) {
	if s.d.Audit == nil || v.op == nil || strings.HasPrefix(v.op.route, http.MethodGet) {
		return
	}
	e := store.AuditEntry{
		ID: id, Time: at, AccessKeyID: v.who.AccessKeyID, Service: SigningName, Operation: v.op.name, Result: result, Resources: v.about,
	}
	if v.source.IsValid() {
		e.Source = v.source.String()
	}
	if err := s.d.Audit.Record(context.WithoutCancel(v.Context()), e); err != nil {
		s.auditFailures.Inc()
		s.d.Log.Error("engine api: a call is missing in the audit log", "operation", v.op.name, "access_key", v.who.AccessKeyID, "result", result, "request_id", id, "error", err)
	}
}

// readBody reads a body of bounded size in bounded time.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	// A writer without deadlines, such as that of an in-process client, has no slow network either.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTime))
	var b bytes.Buffer
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, api.MaxBody))
	_ = c.SetReadDeadline(time.Time{}) // one that passes later would cancel the request's context
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, &failure{"RequestEntityTooLargeException", http.StatusRequestEntityTooLarge, "the body is larger than " + strconv.Itoa(api.MaxBody) + " bytes"}
	case err != nil:
		return nil, &failure{"RequestTimeoutException", http.StatusRequestTimeout, "the body did not arrive in full"}
	}
	return b.Bytes(), nil
}

// name gives the name of a thing of this API: of kind "webhook" or "access-key".
func (s *Service) name(kind, id string) string {
	return "arn:aws:" + SigningName + ":" + s.d.Minter.Region + ":" + s.d.Minter.Account + ":" + kind + "/" + id
}

// about names what the path says a request is about.
func (s *Service) about(kind string) func(v *visit) string {
	return func(v *visit) string { return s.name(kind, v.PathValue("id")) }
}

func (s *Service) getFeatures(*visit) (any, error) {
	return struct {
		Features []string `json:"features"`
	}{s.features}, nil
}
