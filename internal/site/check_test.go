package site

import (
	"bytes"
	"testing"
	"time"
)

func TestAnybodyMayTryTheirConnection(t *testing.T) {
	w := newWorld(t)
	a := w.browser().post("/api/check", struct{}{}, 200)
	seat := w.seat(a)
	if !seat.Publish || seat.Subscribe || seat.UserID != "check" || seat.Expires.Sub(w.clock.Now()) > 2*time.Minute {
		t.Errorf("the seat is %+v", seat)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", a.Header)
	}
	if bytes.Contains(w.log.Bytes(), []byte(a.json("token").(string))) {
		t.Error("the token is in the log")
	}
	w.browser().get("/check").want(t, 200)
}

func TestOneAddressMayNotCheckOnAndOn(t *testing.T) {
	w := newWorld(t)
	w.clock.stop()
	b := w.browser()
	for range checkRates.addressBurst {
		b.post("/api/check", struct{}{}, 200)
	}
	if a := b.post("/api/check", struct{}{}, 429); a.Header.Get("Retry-After") != "10" {
		t.Errorf("come again after %s s", a.Header.Get("Retry-After"))
	}
	w.clock.pass(10 * time.Second)
	b.post("/api/check", struct{}{}, 200)
}
