package site

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/streamcat/streamcat/internal/fault"
	"github.com/streamcat/streamcat/internal/store"
	"github.com/streamcat/streamcat/internal/ugc"
)

// moderationRoutes keep order in a channel's chat. All but the first are for its owner and the moderators they name, and
// answer 401 to who is not signed in and 403 to others.
//
//	GET    …/chat                       {slowMode, followersOnly, noGuests, available, pinned, role}
//	PATCH  …/chat/modes                 any of {slowMode, followersOnly, noGuests} → the modes; 409 "not-available"
//	PUT    …/chat/pinned                {messageId, content, userId, name} → the pinned message
//	DELETE …/chat/pinned                204
//	POST   …/chat/delete                {messageId, userId, name, content, reason} → 204; only the first is required
//	GET    …/chat/bans, …/chat/time-outs  ?after= → {bans or timeOuts, next}
//	POST   …/chat/bans                  {userId, name, reason, seconds} → 201; seconds 0 or absent: for ever
//	POST   …/chat/time-outs             {userId, name, reason, seconds} → 201
//	DELETE …/chat/bans/{user}, …/chat/time-outs/{user}  204
//	GET    …/chat/moderators            {moderators}
//	PUT, DELETE …/chat/moderators/{name}  the owner alone → the moderator, 204
//	GET    …/chat/log                   ?after= → {entries, next}
//	POST   …/chat/log/{id}/undo         204; 409 "changed-since", "not-undoable"
func (s *Server) moderationRoutes() map[string]handler {
	const chat = "/api/channels/{username}/chat"
	routes := map[string]handler{
		"GET " + chat:                           s.getChat,
		"PATCH " + chat + "/modes":              s.asModerator(s.patchChatModes),
		"PUT " + chat + "/pinned":               s.asModerator(s.putPinned),
		"DELETE " + chat + "/pinned":            s.asModerator(s.deletePinned),
		"POST " + chat + "/delete":              s.asModerator(s.postDeleteMessage),
		"GET " + chat + "/moderators":           s.asModerator(s.getModerators),
		"PUT " + chat + "/moderators/{name}":    s.asModerator(s.putModerator),
		"DELETE " + chat + "/moderators/{name}": s.asModerator(s.deleteModerator),
		"GET " + chat + "/log":                  s.asModerator(s.getChatLog),
		"POST " + chat + "/log/{id}/undo":       s.asModerator(s.postUndo),
	}
	for path, kind := range map[string]store.ChatPenaltyKind{"bans": store.ChatBan, "time-outs": store.ChatTimeOut} {
		routes["GET "+chat+"/"+path] = s.asModerator(func(w http.ResponseWriter, r *http.Request, u ugc.User) error { return s.getPenalties(w, r, u, kind) })
		routes["POST "+chat+"/"+path] = s.asModerator(func(w http.ResponseWriter, r *http.Request, u ugc.User) error { return s.postPenalty(w, r, u, kind) })
		routes["DELETE "+chat+"/"+path+"/{user}"] = s.asModerator(func(w http.ResponseWriter, r *http.Request, u ugc.User) error {
			return done(w, s.app.Lift(r.Context(), r.PathValue("username"), u, kind, r.PathValue("user")))
		})
	}
	return routes
}

// asModerator gives a route who is signed in; whether they keep order in that chat is the app's to say.
func (s *Server) asModerator(h func(http.ResponseWriter, *http.Request, ugc.User) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		u, err := s.owner(w, r)
		if err != nil {
			return err
		}
		return h(w, r, u)
	}
}

// done answers with nothing, or an error.
func done(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusNoContent)
	}
	return err
}

func (s *Server) getChat(w http.ResponseWriter, r *http.Request) error {
	who, err := s.chatter(w, r)
	if err != nil {
		return err
	}
	state, err := s.app.ChatState(r.Context(), r.PathValue("username"), who)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, state)
}

func (s *Server) patchChatModes(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	var in ugc.ChatModesChange
	if err := decode(w, r, &in); err != nil {
		return err
	}
	modes, err := s.app.SetChatModes(r.Context(), r.PathValue("username"), u, in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, modes)
}

func (s *Server) putPinned(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	var in ugc.PinnedMessage
	if err := decode(w, r, &in); err != nil {
		return err
	}
	p, err := s.app.Pin(r.Context(), r.PathValue("username"), u, in)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, p)
}

func (s *Server) deletePinned(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	return done(w, s.app.Unpin(r.Context(), r.PathValue("username"), u))
}

func (s *Server) postDeleteMessage(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	var in ugc.Deleted
	if err := decode(w, r, &in); err != nil {
		return err
	}
	return done(w, s.app.DeleteMessage(r.Context(), r.PathValue("username"), u, in))
}

func (s *Server) postPenalty(w http.ResponseWriter, r *http.Request, u ugc.User, kind store.ChatPenaltyKind) error {
	var in struct {
		UserID  string `json:"userId"`
		Name    string `json:"name"`
		Reason  string `json:"reason"`
		Seconds int64  `json:"seconds"`
	}
	if err := decode(w, r, &in); err != nil {
		return err
	}
	if in.UserID == "" {
		return fault.InvalidInput("say whom")
	}
	if in.Seconds < 0 || in.Seconds > 1<<32 {
		return fault.InvalidInput("the time is too long")
	}
	do := s.app.Ban
	if kind == store.ChatTimeOut {
		do = s.app.TimeOut
	}
	p, err := do(r.Context(), r.PathValue("username"), u, in.UserID, in.Name, in.Reason, time.Duration(in.Seconds)*time.Second)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, p)
}

const moderationPage = 50

// pageAfter reads where a page of a list begins; nil: with the newest.
func pageAfter(r *http.Request) (*store.Cursor, error) {
	text := r.URL.Query().Get("after")
	if text == "" {
		return nil, nil
	}
	var c store.Cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || !utf8.ValidString(c.ARN) || strings.IndexByte(c.ARN, 0) >= 0 {
		return nil, fault.InvalidInput("the list cannot go on from there")
	}
	return &c, nil
}

// pageNext is what the next page is asked for with; "" at the end.
func pageNext(c *store.Cursor) string {
	if c == nil {
		return ""
	}
	b, err := json.Marshal(c)
	if err != nil {
		panic("a cursor is always JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *Server) getPenalties(w http.ResponseWriter, r *http.Request, u ugc.User, kind store.ChatPenaltyKind) error {
	after, err := pageAfter(r)
	if err != nil {
		return err
	}
	list, next, err := s.app.ChatPenalties(r.Context(), r.PathValue("username"), u, kind, moderationPage, after)
	if err != nil {
		return err
	}
	name := map[store.ChatPenaltyKind]string{store.ChatBan: "bans", store.ChatTimeOut: "timeOuts"}[kind]
	return writeJSON(w, http.StatusOK, map[string]any{name: list, "next": pageNext(next)})
}

func (s *Server) getModerators(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	list, err := s.app.Moderators(r.Context(), r.PathValue("username"), u)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"moderators": list})
}

func (s *Server) putModerator(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	m, err := s.app.AddModerator(r.Context(), r.PathValue("username"), u, r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m)
}

func (s *Server) deleteModerator(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	return done(w, s.app.RemoveModerator(r.Context(), r.PathValue("username"), u, r.PathValue("name")))
}

func (s *Server) getChatLog(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	after, err := pageAfter(r)
	if err != nil {
		return err
	}
	list, next, err := s.app.ChatLog(r.Context(), r.PathValue("username"), u, moderationPage, after)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"entries": list, "next": pageNext(next)})
}

func (s *Server) postUndo(w http.ResponseWriter, r *http.Request, u ugc.User) error {
	return done(w, s.app.Undo(r.Context(), r.PathValue("username"), u, r.PathValue("id")))
}
