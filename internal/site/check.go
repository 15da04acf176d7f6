package site

import "net/http"

// postCheck lets anybody try their connection before they join somebody's stage.
func (s *Server) postCheck(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.checks.admit(w, r, ""); err != nil {
		return err
	}
	t, err := s.app.TryConnection(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, t)
}
