package room

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
)

// usedLonger is for how long after its end a used token is remembered, so that nodes whose clocks differ
// agree that it was used.
const usedLonger = time.Minute

// ServeHTTP opens a connection: a WebSocket handshake whose subprotocol is a chat token. A request that
// may not come in gets a plain HTTP answer, since SDKs see no more than that the handshake failed. The
// connection goes on after ServeHTTP has returned.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, err := m.admit(w, r)
	if err == nil {
		return
	}
	m.metrics.handshake(status)
	if status >= 500 && r.Context().Err() == nil {
		m.log.Error("chat handshake failed", "status", status, "error", err)
	} else {
		m.log.Debug("chat handshake refused", "status", status, "error", err)
	}
	switch status {
	case http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-WebSocket-Version", "13")
	}
	http.Error(w, fault.Message(err), status)
}

// admit does ServeHTTP's work. An error means that nothing was written yet, and status is what to say.
func (m *Manager) admit(w http.ResponseWriter, r *http.Request) (status int, err error) {
	key, status, err := handshake(r)
	if err != nil {
		return status, err
	}
	past, err := parseWish(r.URL.RawQuery)
	if err != nil {
		return http.StatusBadRequest, err
	}
	token := firstOf(r.Header.Get("Sec-WebSocket-Protocol"))
	pass, spec, err := m.judge(r, token)
	if err != nil {
		return refusal(err), err
	}
	if _, banned, err := m.db.ChatPenalty(r.Context(), spec.ARN, store.ChatBan, pass.UserID, m.now()); err != nil {
		return refusal(err), err
	} else if banned { // a ban of which this node has not heard yet, too
		return http.StatusForbidden, fault.AccessDenied("the user is banned from this room")
	}
	room := m.enter(spec)
	if room == nil {
		return http.StatusServiceUnavailable, fault.Down("the server is shutting down")
	}
	stays := false
	defer func() {
		if !stays {
			m.exit(room)
		}
	}()
	room.learn(spec, m.now())
	if err := room.open(); err != nil {
		return refusal(err), err
	}
	// Last of all that can fail, so that a token is not spent in vain.
	if first, err := m.db.Once(r.Context(), "chat token", pass.ID, pass.TokenExpires.Add(usedLonger)); err != nil {
		return refusal(err), err
	} else if !first {
		return http.StatusUnauthorized, fault.AccessDenied("the chat token was used before")
	}
	nc, early, err := hijack(w)
	if err != nil {
		return http.StatusInternalServerError, err
	}
	c, err := newConn(room, nc, pass, accept(key, token))
	if err != nil {
		m.log.Error("chat handshake failed", "error", err)
		m.metrics.handshake(http.StatusInternalServerError)
		_ = nc.Close() // the only answer left
		return 0, nil
	}
	stays = true
	c.peer = m.clientAddr(r).Addr()
	room.join(c, past)
	m.metrics.handshake(http.StatusSwitchingProtocols)
	m.metrics.connections.Inc()
	m.work.Go(func() { c.serve(early) })
	c.drain()
	if m.life.Err() != nil {
		c.drop(byShutdown) // Shutdown may have looked before c had joined
	}
	return 0, nil
}

// judge says whether a token opens a room. Denied means that the token does not.
func (m *Manager) judge(r *http.Request, token string) (auth.ChatPass, Spec, error) {
	if token == "" {
		return auth.ChatPass{}, Spec{}, fault.AccessDenied("a chat token is needed as WebSocket subprotocol")
	}
	now := m.now()
	pass, err := m.passes.Verify(token, now)
	if err != nil {
		return pass, Spec{}, err
	}
	if !now.Before(pass.SessionExpires) {
		return pass, Spec{}, fault.AccessDenied("the session of the chat token is over")
	}
	spec, err := m.directory.Room(r.Context(), pass.RoomARN)
	return pass, spec, err
}

// refusal gives the HTTP status of a refused handshake.
func refusal(err error) int {
	switch fault.Of(err) {
	case fault.Denied:
		return http.StatusUnauthorized
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Invalid:
		return http.StatusForbidden // a good token for a room that is not of this server
	case fault.Throttled:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// handshake checks the request as RFC 6455 §4.2.1 says and gives its key.
func handshake(r *http.Request) (key string, status int, err error) {
	key = r.Header.Get("Sec-WebSocket-Key")
	nonce, keyErr := base64.StdEncoding.DecodeString(key)
	switch {
	case r.Method != http.MethodGet:
		return "", http.StatusMethodNotAllowed, fault.InvalidInput("a chat connection begins with GET")
	case !lists(r.Header.Values("Connection"), "upgrade"), !lists(r.Header.Values("Upgrade"), "websocket"), r.ProtoMajor != 1:
		return "", http.StatusUpgradeRequired, fault.InvalidInput("this address speaks WebSocket")
	case r.Header.Get("Sec-WebSocket-Version") != "13":
		return "", http.StatusUpgradeRequired, fault.InvalidInput("the WebSocket version must be 13")
	case keyErr != nil || len(nonce) != 16:
		return "", http.StatusBadRequest, fault.InvalidInput("Sec-WebSocket-Key must be 16 bytes in base64")
	}
	return key, 0, nil
}

// lists says whether a comma-separated header has a word, in any case.
func lists(values []string, word string) bool {
	for _, v := range values {
		for w := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.TrimSpace(w), word) {
				return true
			}
		}
	}
	return false
}

// firstOf gives the first word of a comma-separated header.
func firstOf(value string) string {
	first, _, _ := strings.Cut(value, ",")
	return strings.TrimSpace(first)
}

// accept makes the answer that opens the connection. The token is echoed, which browsers insist on. No
// extension is agreed: compression would cost memory per connection and an encoding per member.
func accept(key, token string) []byte {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return []byte("HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n" +
		"Sec-WebSocket-Protocol: " + token + "\r\n\r\n")
}

// hijack takes the connection over, with the bytes that the HTTP server has read too many.
func hijack(w http.ResponseWriter) (nc net.Conn, early []byte, err error) {
	var rw *bufio.ReadWriter
	if nc, rw, err = http.NewResponseController(w).Hijack(); err != nil {
		return nil, nil, errors.Join(errors.New("take the connection over"), err)
	}
	if n := rw.Reader.Buffered(); n > 0 {
		peeked, _ := rw.Reader.Peek(n)
		early = append(early, peeked...)
	}
	_ = nc.SetDeadline(time.Time{}) // the HTTP server may have set one; on a broken connection reading fails, too
	return nc, early, nil
}
