package site

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/ugc"
)

// dashboard is what an owner sees of their channel.
type dashboard struct {
	ugc.Card
	Ingest      ingest    `json:"ingest"`
	StreamKey   maskedKey `json:"streamKey"`
	ChannelPath string    `json:"channelPath"`
	PlaybackURL string    `json:"playbackUrl"`
	Whip        *whip     `json:"whip"` // null where browsers cannot send to a channel
	SRT         *srt      `json:"srt"`  // null where the service takes no SRT
}

// srt is where an encoder sends to over SRT. Its secrets are in no answer but that of postRevealSRT.
type srt struct {
	Server string  `json:"server"` // srt://host:port
	Masked ugc.SRT `json:"masked"`
}

func srtOf(p ugc.Profile) *srt {
	if p.SRTServer == "" {
		return nil
	}
	return &srt{p.SRTServer, ugc.MaskedSRT(p.SRTServer)}
}

// whip is where a browser sends a broadcast to, with the stream key as its token.
type whip struct {
	Endpoint string `json:"endpoint"`
}

func (s *Server) whip() *whip {
	if s.WhipEndpoint == "" {
		return nil
	}
	return &whip{s.WhipEndpoint}
}

type ingest struct {
	Server       string `json:"server"`
	Protocol     string `json:"protocol"`
	InsecureNote string `json:"insecureNote,omitempty"`
}

type maskedKey struct {
	Masked string `json:"masked"`
}

const insecureNote = "This address is not encrypted: your stream key travels in the clear. Use it on this machine or in a network you trust; with a TLS certificate the server offers RTMPS."

// ingestOf says where a person's encoder connects to.
func (s *Server) ingestOf(p ugc.Profile) ingest {
	server := s.IngestServer
	if server == "" { // another server's channel: its endpoint is a bare host, RTMPS on its usual port
		host := p.IngestEndpoint
		if !strings.Contains(host, ":") {
			host += ":443"
		}
		server = "rtmps://" + host + "/app/"
	}
	if strings.HasPrefix(server, "rtmps://") {
		return ingest{Server: server, Protocol: "rtmps"}
	}
	return ingest{Server: server, Protocol: "rtmp", InsecureNote: insecureNote}
}

func (s *Server) getDashboard(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	return s.writeDashboard(w, r, u)
}

func (s *Server) writeDashboard(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	p, err := s.app.Own(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, dashboard{
		Card: p.Card, Ingest: s.ingestOf(p), StreamKey: maskedKey{ugc.MaskedKey},
		ChannelPath: "/c/" + u.Username, PlaybackURL: p.PlaybackURL, Whip: s.whip(), SRT: srtOf(p),
	})
}

// getHealth tells the owner how their stream does: with the parameter after, in seconds since 1970, only what was
// measured after it.
func (s *Server) getHealth(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	var after time.Time
	if text := r.URL.Query().Get("after"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > 1<<40 {
			return fault.InvalidInput("after must be a time in seconds")
		}
		after = time.Unix(n, 0)
	}
	doing, err := s.app.StreamHealth(r.Context(), u.ID, after)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, doing)
}

func (s *Server) patchDashboard(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	var in struct {
		Title      *string `json:"title"`
		CategoryID *string `json:"categoryId"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if err := s.app.UpdateProfile(r.Context(), u.ID, ugc.Change{Title: in.Title, CategoryID: in.CategoryID}); err != nil {
		return err
	}
	return s.writeDashboard(w, r, u)
}

func (s *Server) postRevealKey(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	key, err := s.app.StreamKey(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]string{"value": key})
}

func (s *Server) postRevealSRT(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	way, err := s.app.SRT(r.Context(), u.ID)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, way)
}

func (s *Server) postResetKey(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r.Context())
	if err != nil {
		return err
	}
	if err := s.app.ResetStreamKey(r.Context(), u.ID); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, maskedKey{ugc.MaskedKey})
}
