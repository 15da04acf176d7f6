package site

import (
	"net/http"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

// owner gives who is signed in, if they may try one more thing that costs the services something.
func (s *Server) owner(w http.ResponseWriter, r *http.Request) (ugc.User, error) {
	u, err := s.user(r.Context())
	if err != nil {
		return ugc.User{}, err
	}
	_, err = s.seats.admit(w, r, u.ID)
	return u, err
}

// comer is owner for people with and without an account.
func (s *Server) comer(w http.ResponseWriter, r *http.Request) (ugc.Chatter, error) {
	who, err := s.chatter(w, r)
	if err != nil {
		return ugc.Chatter{}, err
	}
	_, err = s.seats.admit(w, r, who.UserID)
	return who, err
}

func (s *Server) getStudio(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	studio, err := s.app.Studio(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		ugc.Studio
		Whip *whip `json:"whip"`
	}{studio, s.whip()})
}

// seatAsked is the body of a request for a token. A page whose stored token the service does not take any
// more names its participant, and gets another.
type seatAsked struct {
	Refused string `json:"refused"`
}

func (s *Server) postStudioToken(w http.ResponseWriter, r *http.Request) error {
	u, err := s.owner(w, r)
	if err != nil {
		return err
	}
	var in seatAsked
	if err := decode(w, r, &in); err != nil {
		return err
	}
	t, err := s.app.HostToken(r.Context(), u.ID, in.Refused)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t)
}

func (s *Server) postStageToken(w http.ResponseWriter, r *http.Request) error {
	who, err := s.comer(w, r)
	if err != nil {
		return err
	}
	var in seatAsked
	if err := decode(w, r, &in); err != nil {
		return err
	}
	t, err := s.app.ViewerToken(r.Context(), r.PathValue("username"), who, in.Refused)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t)
}

func (s *Server) postInvitation(w http.ResponseWriter, r *http.Request) error {
	u, err := s.owner(w, r)
	if err != nil {
		return err
	}
	var in struct {
		UserID string `json:"userId"`
		Name   string `json:"name"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.UserID == "" {
		return fault.InvalidInput("say whom to invite")
	}
	i, err := s.app.Invite(r.Context(), u.ID, in.UserID, in.Name)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, i)
}

func (s *Server) deleteInvitation(w http.ResponseWriter, r *http.Request) error {
	u, err := s.owner(w, r)
	if err != nil {
		return err
	}
	if err := s.app.Withdraw(r.Context(), u.ID, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) postRemove(w http.ResponseWriter, r *http.Request) error {
	u, err := s.owner(w, r)
	if err != nil {
		return err
	}
	var in struct {
		ParticipantID string `json:"participantId"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := s.app.Remove(r.Context(), u.ID, in.ParticipantID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) postRealTime(w http.ResponseWriter, r *http.Request) error {
	u, err := s.owner(w, r)
	if err != nil {
		return err
	}
	var in struct {
		IsLive *bool `json:"isLive"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.IsLive == nil {
		return fault.InvalidInput("say whether to go live or off")
	}
	state, err := s.app.GoRealTime(r.Context(), u.ID, *in.IsLive)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, state)
}

func (s *Server) postJoin(w http.ResponseWriter, r *http.Request) error {
	who, err := s.comer(w, r)
	if err != nil {
		return err
	}
	var in struct {
		Invitation string `json:"invitation"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	t, host, err := s.app.Join(r.Context(), r.PathValue("username"), in.Invitation, who)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		ugc.StageToken
		Host string `json:"host"`
	}{t, host})
}
