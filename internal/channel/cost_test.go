package channel_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// nowhere takes an answer without keeping it.
type nowhere struct{ h http.Header }

func (n nowhere) Header() http.Header       { return n.h }
func (nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (nowhere) WriteHeader(int)             {}

// Each player of a live channel asks for a playlist three times a second.
func TestAPlaylistRequestOfAPrivateChannelCostsLittle(t *testing.T) {
	h := newHouse(t)
	h.broadcast(h.Manager, privateKey)
	h.broadcast(h.Manager, key)
	for what, c := range map[string]struct {
		path string
		most float64 // allocations
	}{
		"public":    {h.media(), 6},
		"private":   {h.open(h, h.token(), ""), 20},
		"revocable": {h.open(h, h.token("aws:viewer-id", "v"), ""), 26},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		got := testing.AllocsPerRun(100, func() { h.ServeHTTP(nowhere{http.Header{}}, r) })
		t.Logf("%s: %v allocations", what, got)
		if got > c.most {
			t.Errorf("a %s playlist takes %v allocations, and may take %v", what, got, c.most)
		}
	}
}
