package site

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/arn"
	"github.com/streamcat/streamcat/internal/ugc"
)

func (s *Server) getCategories(w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, http.StatusOK, map[string]any{"categories": ugc.Categories()})
}

func (s *Server) getChannels(w http.ResponseWriter, r *http.Request) error {
	live, recent, err := s.app.Home(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"live": live, "recent": recent})
}

func (s *Server) getChannel(w http.ResponseWriter, r *http.Request) error {
	p, err := s.app.Profile(r.Context(), r.PathValue("username"))
	if err != nil {
		return err
	}
	type room struct {
		Available bool `json:"available"`
	}
	return writeJSON(w, http.StatusOK, struct {
		ugc.Profile
		Room room `json:"room"`
	}{p, room{p.HasRoom}})
}

func (s *Server) postChatToken(w http.ResponseWriter, r *http.Request) error {
	who, err := s.chatter(w, r)
	if err != nil {
		return err
	}
	if _, err := s.chats.admit(w, r, who.UserID); err != nil {
		return err
	}
	pass, err := s.app.ChatToken(r.Context(), r.PathValue("username"), who)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Token        string    `json:"token"`
		TokenEnds    time.Time `json:"tokenExpirationTime"`
		SessionEnds  time.Time `json:"sessionExpirationTime"`
		Endpoint     string    `json:"endpoint"`
		UserID       string    `json:"userId"`
		DisplayName  string    `json:"displayName"`
		Capabilities []string  `json:"capabilities"`
		// Past says that the endpoint takes ?history= and ?after=: what frames of before this time tell is no news.
		Past *time.Time `json:"past"`
	}{pass.Token, pass.TokenExpires, pass.SessionExpires, s.ChatEndpoint, pass.UserID, pass.DisplayName, pass.Capabilities, pass.Past})
}

// chatter is who asks: the person signed in, or a guest who stays the same guest over reloads.
func (s *Server) chatter(w http.ResponseWriter, r *http.Request) (ugc.Chatter, error) {
	u, err := s.user(r.Context())
	if err != nil && !errors.Is(err, errSignedOut) {
		return ugc.Chatter{}, err
	}
	who := guest(s.guestToken(w, r))
	who.Device = who.UserID
	if err == nil {
		who.UserID, who.Name, who.Guest = u.ID, u.Username, false
	}
	if from := clients(s.TrustedProxies); !from.address(r).IsLoopback() { // likely a proxy of this machine that nobody told us to trust
		who.Network = from.network(r)
	}
	return who, nil
}

const (
	guestCookie   = "streamcat_guest"
	guestLifetime = 365 * 24 * time.Hour
	guestLength   = 24
	guestSignLen  = 32 // hexadecimal digits
)

// guestToken gives the secret by which a browser is the guest it was before, or plants one. It is signed, so that
// nobody makes up guests without asking here, where tries are counted.
func (s *Server) guestToken(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(guestCookie); err == nil {
		token, sign, _ := strings.Cut(c.Value, ".")
		if len(token) == guestLength && subtle.ConstantTimeCompare([]byte(sign), []byte(s.guestSign(token))) == 1 {
			return token
		}
	}
	token := arn.NewID(guestLength)
	http.SetCookie(w, &http.Cookie{
		Name: guestCookie, Value: token + "." + s.guestSign(token), Path: "/", MaxAge: int(guestLifetime.Seconds()),
		HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode,
	})
	return token
}

func (s *Server) guestSign(token string) string {
	return s.app.Sealer.Digest("guest cookie", token)[:guestSignLen]
}

// guest derives who a guest is from their secret: nobody can become a guest whose id they have seen.
func guest(token string) ugc.Chatter {
	sum := sha256.Sum256([]byte(token))
	return ugc.Chatter{
		UserID: "guest-" + hex.EncodeToString(sum[:8]),
		Name:   fmt.Sprintf("guest-%04d", binary.BigEndian.Uint32(sum[8:])%10_000),
		Guest:  true,
	}
}
