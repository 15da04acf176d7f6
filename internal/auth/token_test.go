package auth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/fault"
)

func newSeats(t testing.TB) *auth.Seats {
	t.Helper()
	s, err := auth.NewSeats(open(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func seat() auth.Seat {
	return auth.Seat{
		ParticipantID: "AbCdEfGh1234", StageARN: "arn:aws:ivs:us-east-1:000000000000:stage/ZyXwVuTs9876", StageID: "ZyXwVuTs9876",
		UserID: "ann", Attributes: map[string]string{"name": "Ann <b>"}, Publish: true,
		EventsURL: "ws://127.0.0.1:8080/stage-events", WhipURL: "http://127.0.0.1:8080/whip",
		Issued: clock, Expires: clock.Add(12 * time.Hour),
	}
}

func pass() auth.ChatPass {
	return auth.ChatPass{
		ID: "AbCdEfGh1234", RoomARN: "arn:aws:ivschat:us-east-1:000000000000:room/ZyXwVuTs9876", UserID: "ann",
		Attributes: map[string]string{"k": "v"}, Send: true, Disconnect: true,
		Issued: clock.Add(7 * time.Millisecond), TokenExpires: clock.Add(time.Minute), SessionExpires: clock.Add(time.Hour),
	}
}

func TestSeatComesBackAsMinted(t *testing.T) {
	s, want := newSeats(t), seat()
	token, err := s.Mint(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Verify(token, clock)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Clients read the payload without verifying it, so its names and forms are a promise.
func TestSeatPayload(t *testing.T) {
	token, err := newSeats(t).Mint(seat())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token has %d parts", len(parts))
	}
	var head, got map[string]any
	for i, to := range []*map[string]any{&head, &got} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, to); err != nil {
			t.Fatal(err)
		}
	}
	if kid, _ := head["kid"].(string); head["alg"] != "ES256" || head["typ"] != "JWT" || kid == "" || strings.HasPrefix(kid, "arn:") {
		t.Errorf("header: %v", head)
	}
	want := map[string]any{
		"exp": float64(clock.Add(12 * time.Hour).Unix()), "iat": float64(clock.Unix()), "jti": "AbCdEfGh1234",
		"resource": "arn:aws:ivs:us-east-1:000000000000:stage/ZyXwVuTs9876", "topic": "ZyXwVuTs9876",
		"events_url": "ws://127.0.0.1:8080/stage-events", "whip_url": "http://127.0.0.1:8080/whip",
		"user_id": "ann", "attributes": map[string]any{"name": "Ann <b>"},
		"capabilities": map[string]any{"allow_publish": true, "allow_subscribe": false},
		"version":      "0.3",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBadSeatTokensAreDenied(t *testing.T) {
	s := newSeats(t)
	token, err := s.Mint(seat())
	if err != nil {
		t.Fatal(err)
	}
	other, err := newSeats(t).Mint(seat())
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	unsigned := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"exp": clock.Add(time.Hour).Unix(), "iat": clock.Unix(), "version": "0.3"})
	none, err := unsigned.SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	symmetric := jwt.NewWithClaims(jwt.SigningMethodHS256, unsigned.Claims)
	hmac, err := symmetric.SignedString([]byte("public key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, token string
		at          time.Time
	}{
		{"empty", "", clock},
		{"expired", token, clock.Add(12 * time.Hour)},
		{"of another server", other, clock},
		{"without a signature", parts[0] + "." + parts[1] + ".", clock},
		{"with another payload", parts[0] + "." + strings.Split(other, ".")[1] + "A." + parts[2], clock},
		{"signed by no method", none, clock},
		{"signed by a symmetric method", hmac, clock},
		{"too long", token + strings.Repeat("A", 9000), clock},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := s.Verify(c.token, c.at)
			if fault.Of(err) != fault.Denied {
				t.Errorf("got %v, want a denial", err)
			}
			if was := errors.Is(err, auth.ErrSeatExpired); was != (c.name == "expired") {
				t.Errorf("expired: %v", was)
			}
		})
	}
}

func TestChatPassComesBackAsMinted(t *testing.T) {
	c, want := auth.NewChatPasses(open(t, t.TempDir())), pass()
	token, err := c.Mint(want)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(token) {
		t.Errorf("token %q cannot be a WebSocket subprotocol", token)
	}
	got, err := c.Verify(token, clock.Add(59*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestBadChatPassesAreDenied(t *testing.T) {
	c := auth.NewChatPasses(open(t, t.TempDir()))
	token, err := c.Mint(pass())
	if err != nil {
		t.Fatal(err)
	}
	other, err := auth.NewChatPasses(open(t, t.TempDir())).Mint(pass())
	if err != nil {
		t.Fatal(err)
	}
	head, tail, _ := strings.Cut(token, ".")
	for _, b := range []struct {
		name, token string
		at          time.Time
	}{
		{"empty", "", clock},
		{"a dot", ".", clock},
		{"expired", token, clock.Add(time.Minute)},
		{"of another server", other, clock},
		{"without a signature", head + ".", clock},
		{"with a longer head", head + "A." + tail, clock},
		{"with another signature", head + "." + strings.ToUpper(tail), clock},
		{"too long", strings.Repeat("A", 9000), clock},
	} {
		t.Run(b.name, func(t *testing.T) {
			if _, err := c.Verify(b.token, b.at); fault.Of(err) != fault.Denied {
				t.Errorf("got %v, want a denial", err)
			}
		})
	}
}

func FuzzTokens(f *testing.F) {
	k := open(f, f.TempDir())
	passes := auth.NewChatPasses(k)
	seats, err := auth.NewSeats(k)
	if err != nil {
		f.Fatal(err)
	}
	one, err := seats.Mint(seat())
	if err != nil {
		f.Fatal(err)
	}
	two, err := passes.Mint(pass())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add(two)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, s string) {
		// Whatever the bytes are, as tokens they are denied, unless they are one of ours …
		if got, err := seats.Verify(s, clock); err == nil && got.ParticipantID != seat().ParticipantID || err != nil && fault.Of(err) != fault.Denied {
			t.Fatalf("seat: %+v, %v", got, err)
		}
		if got, err := passes.Verify(s, clock); err == nil && got.ID != pass().ID || err != nil && fault.Of(err) != fault.Denied {
			t.Fatalf("pass: %+v, %v", got, err)
		}
		// … and as values they travel unchanged.
		if !utf8.ValidString(s) || len(s) > 1024 {
			return
		}
		p := pass()
		p.UserID, p.Attributes = s, map[string]string{s: s}
		token, err := passes.Mint(p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := passes.Verify(token, clock)
		if err != nil || !cmp.Equal(got, p) {
			t.Fatalf("pass with %q: %+v, %v", s, got, err)
		}
	})
}

func BenchmarkSeatMint(b *testing.B) {
	s := newSeats(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Mint(seat()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeatVerify(b *testing.B) {
	s := newSeats(b)
	token, err := s.Mint(seat())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(token, clock); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChatPassVerify(b *testing.B) {
	c := auth.NewChatPasses(open(b, b.TempDir()))
	token, err := c.Mint(pass())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Verify(token, clock); err != nil {
			b.Fatal(err)
		}
	}
}
