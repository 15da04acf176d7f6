package site

import (
	"errors"
	"net/http"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

type userJSON struct {
	Username  string    `json:"username"`
	CreatedAt time.Time `json:"createdAt"`
}

func wireUser(u ugc.User) *userJSON { return &userJSON{u.Username, u.Created} }

type credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	out := struct {
		User  *userJSON `json:"user"`
		Ready bool      `json:"ready"`
	}{Ready: s.app.Ready()}
	switch u, err := s.user(r.Context()); {
	case err == nil:
		out.User = wireUser(u)
	case !errors.Is(err, errSignedOut):
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

func (s *Server) postRegister(w http.ResponseWriter, r *http.Request) error {
	var in credentials
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if _, err := s.signIns.admit(w, r, in.Username); err != nil {
		return err
	}
	u, err := s.app.Register(r.Context(), in.Username, in.Password)
	if err != nil {
		return err
	}
	if err := s.signIn(r.Context(), w, u); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]any{"user": wireUser(u)})
}

func (s *Server) postSignIn(w http.ResponseWriter, r *http.Request) error {
	var in credentials
	if err := decode(w, r, &in); err != nil {
		return err
	}
	forgive, err := s.signIns.admit(w, r, in.Username)
	if err != nil {
		return err
	}
	u, err := s.app.SignIn(r.Context(), in.Username, in.Password)
	if fault.Of(err) == fault.Denied {
		return &status{http.StatusUnauthorized, fault.Message(err)}
	}
	if err != nil {
		return err
	}
	forgive()
	if err := s.signIn(r.Context(), w, u); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"user": wireUser(u)})
}

func (s *Server) postSignOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.signOut(r.Context(), w); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
