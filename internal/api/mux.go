package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/streamcat/streamcat/internal/auth"
)

// bodyTime is how long a client may take to send its body.
const bodyTime = 30 * time.Second

// Deps is what a Mux needs.
type Deps struct {
	Verifier   *auth.SigV4
	Log        *slog.Logger
	Registerer prometheus.Registerer // may be nil
	Now        func() time.Time      // nil means time.Now

	ClientAddr func(*http.Request) netip.AddrPort // where a request comes from; nil: from its peer
	Tags       Tags                               // for access policies; nil: nothing has any
	Audit      Audit                              // nil: nothing is written down
	Rates      bool                               // whether operations are held to the published rates
}

// Mux answers the requests of all services on one listener. Operation names are unique over the
// services; the tag routes are shared and told apart by the name they carry. Handle everything before
// the first request.
type Mux struct {
	verifier *auth.SigV4
	log      *slog.Logger
	now      func() time.Time
	metrics  *metrics
	client   func(*http.Request) netip.AddrPort
	tags     Tags
	auditLog Audit
	rates    *limiter
	routes   map[string]target // method, blank, path; tag routes: service, blank, method
}

// target is a route with the service it belongs to. The zero value is an unknown operation.
type target struct {
	Route
	service Service
}

// NewMux makes a mux without routes.
func NewMux(d Deps) *Mux {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.ClientAddr == nil {
		d.ClientAddr = peer
	}
	m := &Mux{
		verifier: d.Verifier, log: d.Log, now: d.Now, metrics: newMetrics(d.Registerer),
		client: d.ClientAddr, tags: d.Tags, auditLog: d.Audit, routes: map[string]target{},
	}
	if d.Rates {
		m.rates = newLimiter(d.Now)
	}
	return m
}

// Handle adds the routes of a service. Two operations in one place are a mistake of the program.
func (m *Mux) Handle(s Service, routes ...Route) {
	for _, r := range routes {
		key := r.Method + " " + r.Path
		if strings.HasPrefix(r.Path, tagsPath) {
			key = s.Name + " " + r.Method
		}
		if _, taken := m.routes[key]; taken {
			panic("api: two operations at " + key)
		}
		m.routes[key] = target{r, s}
	}
}

// Owns tells whether a request is for this mux and not for a page of the web app, whose paths are lower
// case: a POST or a preflight on a path that looks like an operation's name, or anything below /tags/.
func (m *Mux) Owns(r *http.Request) bool {
	path := r.URL.EscapedPath()
	if strings.HasPrefix(path, tagsPath) {
		return true
	}
	if r.Method != http.MethodPost && r.Method != http.MethodOptions || len(path) < 2 {
		return false
	}
	for i, c := range []byte(path[1:]) {
		if !(c >= 'A' && c <= 'Z' || i > 0 && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9')) {
			return false
		}
	}
	return true
}

// ServeHTTP answers one request.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := m.now()
	id := requestID()
	h := w.Header()
	setGatewayHeaders(h)
	h.Set("x-amzn-RequestId", id)
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}

	t, resourceARN := m.find(r)
	status, body, err := t.Status, []byte(nil), error(nil)
	result := "ok"
	v := &visit{resourceARN: resourceARN, source: m.client(r).Addr().Unmap()}
	if body, err = m.answer(w, r, t, v); err != nil {
		x := exceptionOf(err, t.Endpoint)
		if x.Status == http.StatusInternalServerError && r.Context().Err() == nil {
			m.log.Error("api: operation failed", "operation", t.Name, "request_id", id, "error", err)
		}
		h.Set("x-amzn-ErrorType", x.Name)
		status, body, result = x.Status, x.body(t.service), x.Name
	}
	m.audit(r.Context(), t, v, id, result, began)
	if status != http.StatusNoContent {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
	} else {
		body = nil
	}
	w.WriteHeader(status)
	w.Write(body) // who has gone does not mind

	took := m.now().Sub(began)
	m.metrics.note(t, result, took)
	m.log.Debug("api: answered", "service", t.service.Name, "operation", t.Name, "status", status, "result", result, "took", took, "request_id", id)
}

// find gives the operation that a request is for, and the resource that a tag route names.
func (m *Mux) find(r *http.Request) (target, string) {
	path := r.URL.EscapedPath()
	if name, ok := tagged(path); ok {
		s := tagService(r, name)
		t := m.routes[s.Name+" "+r.Method]
		t.service = s // the form of errors, if there is no such route
		return t, name
	}
	t, ok := m.routes[r.Method+" "+path]
	if !ok {
		t.service = tagService(r, "")
	}
	return t, ""
}

// answer makes the body of a success.
func (m *Mux) answer(w http.ResponseWriter, r *http.Request, t target, v *visit) (answer []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	who, err := m.verifier.Verify(r, body)
	if err != nil {
		return nil, err
	}
	if t.call == nil {
		return nil, &exception{Name: "UnknownOperationException", Status: http.StatusNotFound, Message: "there is no operation at " + r.Method + " " + r.URL.EscapedPath()}
	}
	if scope := signingName(r); scope != t.service.SigningName {
		return nil, &exception{Name: auth.InvalidSignature, Status: http.StatusForbidden, Message: "credential should be scoped to correct service: '" + t.service.SigningName + "'"}
	}
	v.who, v.query = who, r.URL.Query()
	if v.rated() {
		if err := m.rates.take(t); err != nil {
			return nil, err
		}
	}
	if r.Method == http.MethodPost {
		v.body = body
	}
	v.enter = func(ctx context.Context, a Access) error { return m.enter(ctx, t, v, a) }
	return t.call(auth.WithPrincipal(r.Context(), who), v)
}

// readBody reads a body of bounded size in bounded time.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	tooLarge := &exception{Name: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge, Message: "the body is larger than " + strconv.Itoa(MaxBody) + " bytes"}
	if r.ContentLength > MaxBody {
		return nil, tooLarge
	}
	if r.Body == nil || r.ContentLength == 0 {
		return nil, nil
	}
	// A writer without deadlines, such as that of the in-process client, has no slow network either.
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(bodyTime))
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, MaxBody))
	// A deadline that passes later would cancel the request's context.
	_ = c.SetReadDeadline(time.Time{})
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge
	case err != nil:
		return nil, &exception{Name: "RequestTimeoutException", Status: http.StatusRequestTimeout, Message: "the body did not arrive in full"}
	}
	return b.Bytes(), nil
}

// requestID makes a random UUID.
func requestID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails; it ends the process instead
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
