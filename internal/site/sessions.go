package site

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/ugc"
)

const (
	sessionCookie   = "streamcat_session"
	sessionLifetime = 30 * 24 * time.Hour
	sessionUser     = "user" // key of the user's id in a session
)

// newSessions keeps sessions in the database, by a hash of what the browser holds.
func newSessions(rows *store.App, now func() time.Time, secure bool) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{rows, now}
	m.HashTokenInStore = true
	m.Lifetime = sessionLifetime
	m.Cookie.Name = sessionCookie
	m.Cookie.Secure = secure // HttpOnly and SameSite=Lax are scs's defaults
	return m
}

// sessionStore is scs's view of the session table.
type sessionStore struct {
	rows *store.App
	now  func() time.Time
}

func (s sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	return s.rows.Session(ctx, token, s.now())
}

func (s sessionStore) CommitCtx(ctx context.Context, token string, b []byte, expiry time.Time) error {
	return s.rows.PutSession(ctx, token, b, expiry)
}

func (s sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return s.rows.DeleteSession(ctx, token)
}

// scs asks for these too, and never calls them where the ones above exist.
func (s sessionStore) Find(token string) ([]byte, bool, error) {
	return s.FindCtx(context.Background(), token)
}

func (s sessionStore) Commit(token string, b []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), token, b, expiry)
}

func (s sessionStore) Delete(token string) error { return s.DeleteCtx(context.Background(), token) }

// withSession gives a request the session of its cookie. Unlike scs's own middleware it writes nothing by
// itself: who changes a session keeps it before anything is answered, so that a failure can still be told.
func (s *Server) withSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Cookie")
		var token string
		if c, err := r.Cookie(sessionCookie); err == nil {
			token = c.Value
		}
		ctx, err := s.sessions.Load(r.Context(), token)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// user gives who is signed in, or errSignedOut.
func (s *Server) user(ctx context.Context) (ugc.User, error) {
	id := s.sessions.GetString(ctx, sessionUser)
	if id == "" {
		return ugc.User{}, errSignedOut
	}
	u, err := s.app.User(ctx, id)
	if fault.Of(err) == fault.NotFound {
		return ugc.User{}, errSignedOut
	}
	return u, err
}

// signIn makes the request's session that of u, under a new token: one that was planted in the browser
// before is worth nothing. On an error nobody is signed in.
func (s *Server) signIn(ctx context.Context, w http.ResponseWriter, u ugc.User) error {
	if err := s.sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.sessions.Put(ctx, sessionUser, u.ID)
	token, expires, err := s.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	s.sessions.WriteSessionCookie(ctx, w, token, expires)
	return nil
}

// signOut ends the request's session.
func (s *Server) signOut(ctx context.Context, w http.ResponseWriter) error {
	if err := s.sessions.Destroy(ctx); err != nil {
		return err
	}
	s.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}
