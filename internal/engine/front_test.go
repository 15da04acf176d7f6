package engine

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestReadinessGoesBeforeTheServerDoes(t *testing.T) {
	var trouble error
	f := &front{ready: func(*http.Request) error { return trouble }}
	ask := func() int {
		w := httptest.NewRecorder()
		f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		return w.Code
	}
	if got := ask(); got != http.StatusOK {
		t.Errorf("well: %d", got)
	}
	trouble = errors.New("the database does not answer")
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("in trouble: %d", got)
	}
	trouble = nil
	f.draining.Store(true)
	if got := ask(); got != http.StatusServiceUnavailable {
		t.Errorf("draining: %d", got)
	}
}
