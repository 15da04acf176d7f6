package stage

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lxzan/gws"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/rtc"
)

// maxToken is the longest participant token in bytes; it is what auth takes.
const maxToken = 8 << 10

// ServeHTTP opens an events socket: a WebSocket handshake at …/{stageId} whose subprotocol is a participant
// token. Pages of any origin may: the token is all that counts. docs/protocols/stages.md has the wire.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refusal := handshake(r); refusal != nil {
		m.refuse(w, refusal)
		return
	}
	token := firstOf(r.Header.Get("Sec-WebSocket-Protocol"))
	if token == "" || len(token) > maxToken {
		m.refuse(w, errMalformed)
		return
	}
	may := func(s auth.Seat) error {
		if s.StageID != r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:] {
			return errOtherStage
		}
		return nil
	}
	// Judged before the connection is taken over: what may be better a little later is told in plain HTTP.
	judge := m.byToken(token, may)
	p, err := judge(r.Context())
	if m.isDraining() {
		err = errNotNow
	}
	if err != nil && !final(err) {
		m.refuse(w, err)
		return
	}
	conn, upgradeErr := upgrade(w, r, token)
	if upgradeErr != nil {
		return // the answer is written
	}
	s := newSocket(conn)
	if err == nil {
		err = m.enter(r.Context(), p, judge, func(st *stage, p pass) error { return s.enter(st, p, r.UserAgent()) })
	}
	if err != nil {
		m.dismiss(conn, err)
		return
	}
	conn.Session().Store(socketKey, s)
	if !m.spawn(func() { s.serve() }) { // the request ends here, the socket does not
		s.serve()
	}
}

// enter opens the socket's door. It displaces the participant's earlier socket.
func (s *socket) enter(st *stage, p pass, userAgent string) error {
	mem, err := st.member(p)
	if err != nil {
		return err
	}
	s.st, s.mem = st, mem
	st.enter(mem, userAgent)
	if old := mem.socket; old != nil {
		old.leave("token-reused", "")
	}
	mem.socket = s
	st.m.metrics.sockets.Inc()
	st.roster.fresh[s] = struct{}{}
	st.plan()
	return nil
}

// serve runs the socket until it ends.
func (s *socket) serve() {
	var writing sync.WaitGroup
	writing.Go(func() {
		if s.write() {
			s.st.m.metrics.dropped.Inc()
		}
	})
	s.conn.ReadLoop()
	s.st.lock()
	s.leave("", "")
	s.st.unlock()
	writing.Wait()
}

// upgrade takes the connection over. The token is echoed, which browsers insist on.
func upgrade(w http.ResponseWriter, r *http.Request, token string) (*gws.Conn, error) {
	return gws.NewUpgrader(socketEvents{}, &gws.ServerOption{
		ReadMaxPayloadSize: maxPayload, ReadBufferSize: 512, Logger: quiet{}, SubProtocols: []string{token},
	}).Upgrade(w, r)
}

// handshake checks what the WebSocket library would answer less clearly.
func handshake(r *http.Request) *rtc.Refusal {
	switch {
	case r.Method != http.MethodGet:
		return rtc.Refuse(http.StatusMethodNotAllowed, "", fault.InvalidInput("an events socket begins with GET"))
	case r.ProtoMajor != 1, !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		return rtc.Refuse(http.StatusUpgradeRequired, "", fault.InvalidInput("this address speaks WebSocket"))
	}
	return nil
}

// firstOf gives the first word of a comma-separated header.
func firstOf(value string) string {
	first, _, _ := strings.Cut(value, ",")
	return strings.TrimSpace(first)
}

func codeOf(err error) string {
	var r *rtc.Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// final says whether a refusal is told by an ERROR frame: for what a page must know, and cannot see of a
// handshake that failed. Anything else is better by itself a little later.
func final(err error) bool {
	code := codeOf(err)
	return code != "" && code != codeUnavailable && code != codeDraining
}

// refuse answers a request that does not become a WebSocket.
func (m *Manager) refuse(w http.ResponseWriter, err error) {
	var refusal *rtc.Refusal
	if !errors.As(err, &refusal) {
		refusal = rtc.Refuse(http.StatusInternalServerError, "", &fault.Error{Kind: fault.Internal, Cause: err})
	}
	m.metrics.refused.WithLabelValues(refusal.Code).Inc()
	if refusal.Status >= 500 && refusal.Fault.Cause != nil {
		m.log.Error("an events socket was refused", "status", refusal.Status, "err", refusal.Fault)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	switch refusal.Status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
	}
	if refusal.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(max(time.Second, refusal.RetryAfter).Seconds())))
	}
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code,omitempty"`
	}{"about:blank", http.StatusText(refusal.Status), refusal.Status, fault.Message(refusal), refusal.Code})
}

// dismiss tells a client why it may not come in, in a way that browsers show to pages: by a frame.
func (m *Manager) dismiss(conn *gws.Conn, err error) {
	code := codeOf(err)
	m.metrics.refused.WithLabelValues(code).Inc()
	_ = conn.SetDeadline(time.Now().Add(farewellWait))
	if !final(err) {
		_ = conn.WriteClose(closeTryAgain, nil)
		return
	}
	_ = conn.WriteMessage(gws.OpcodeText, encode("ERROR", struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}{code, fault.Message(err)}))
	_ = conn.WriteClose(closeRefused, nil)
}
