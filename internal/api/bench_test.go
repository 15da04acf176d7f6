package api_test

import (
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkRequest is what the protocol costs: signature, decoding, rules, answer, headers, metrics.
func BenchmarkRequest(b *testing.B) {
	w := newWorld()
	const body = `{"say":"hello"}`
	r := request(b, "POST", "/Echo", body, "ivs", nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(strings.NewReader(body))
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Fatal(rec.Code)
		}
		w.log.Reset()
	}
}
