package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/streamcat/streamcat/internal/auth"
	"github.com/streamcat/streamcat/internal/ugc"
)

// post sends JSON and wants an answer with that status.
func (b *browser) post(path string, body any, code int) answer {
	b.w.t.Helper()
	return b.do("POST", path, body).want(b.w.t, code)
}

// chatID is who somebody is in the chat.
func (b *browser) chatID(channel string) (id, name string) {
	b.w.t.Helper()
	a := b.post("/api/channels/"+channel+"/chat-token", struct{}{}, 200)
	return a.json("userId").(string), a.json("displayName").(string)
}

func (w *world) seat(a answer) auth.Seat {
	w.t.Helper()
	s, err := w.tokens.Verify(a.json("token").(string), w.clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

type invite struct {
	UserID string `json:"userId"`
	Name   string `json:"name"`
}

var isLive = map[bool]map[string]bool{true: {"isLive": true}, false: {"isLive": false}}

// The main story of the stage, as pages act it: a host, a guest from the chat, a viewer.
func TestAHostInvitesAGuestAndViewersSeeThem(t *testing.T) {
	w := newWorld(t)
	ada, guest, viewer := w.register("Ada"), w.browser(), w.browser()
	home := w.feed("?channels=ada")
	home.next()

	var studio map[string]any
	if err := json.Unmarshal(ada.get("/api/studio").want(t, 200).body, &studio); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"username": "Ada", "stageId": studio["stageId"], "realTime": map[string]any{"isLive": false, "since": nil},
		"whip": map[string]any{"endpoint": whipEndpoint}, "invitations": []any{},
	}
	if diff := cmp.Diff(want, studio); diff != "" {
		t.Errorf("studio (-want +got):\n%s", diff)
	}

	host := ada.post("/api/studio/token", struct{}{}, 200)
	var members map[string]any
	if err := json.Unmarshal(host.body, &members); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(slices.Sorted(maps.Keys(members)), " "); got != "expirationTime participantId stageId token userId username" {
		t.Errorf("a stage token has %s", got)
	}
	seat := w.seat(host)
	if !seat.Publish || !seat.Subscribe || seat.StageID != studio["stageId"] || seat.ParticipantID != host.json("participantId") ||
		seat.UserID != host.json("userId") || !maps.Equal(seat.Attributes, map[string]string{"username": "Ada", "role": "host"}) {
		t.Errorf("the host's seat is %+v", seat)
	}
	if again := ada.post("/api/studio/token", struct{}{}, 200); !bytes.Equal(again.body, host.body) {
		t.Errorf("a second visit gives %s", again.body)
	}

	viewer.post("/api/channels/ada/stage-token", struct{}{}, 409).code(t, "not-real-time")
	w.tell(w.does(host.json("token").(string), "PUBLISH_STARTED"))
	state := ada.post("/api/studio/real-time", isLive[true], 200)
	if state.json("isLive") != true || state.json("since") == nil {
		t.Errorf("state = %s", state.body)
	}
	home.until("real time", func(c ugc.Card) bool { return c.RealTime && c.RealTimeSince != nil && !c.Live })
	if live := w.browser().get("/api/channels").json("live").([]any); len(live) != 1 {
		t.Errorf("home shows %v", live)
	}
	if got := w.browser().get("/api/channels/ada").json("realTime"); got != true {
		t.Errorf("the page says %v", got)
	}
	if got := ada.get("/api/dashboard").json("realTime"); got != true {
		t.Errorf("the dashboard says %v", got)
	}

	seen := viewer.post("/api/channels/ada/stage-token", struct{}{}, 200)
	if s := w.seat(seen); s.Publish || !s.Subscribe || s.Attributes["role"] != "viewer" || !strings.HasPrefix(s.UserID, "guest-") {
		t.Errorf("the viewer's seat is %+v", s)
	}

	id, name := guest.chatID("ada")
	i := ada.post("/api/studio/invitations", invite{id, name}, 201)
	if i.json("state") != "waiting" || i.json("guest") != true || i.json("name") != name || i.json("userId") != id {
		t.Errorf("invitation = %s", i.body)
	}
	told := w.rooms.heard("StreamCat:MultihostInvite")
	wantEvent := map[string]string{
		"userId": id, "invitation": i.json("id").(string), "channel": "Ada", "host": "Ada",
		"expiresAt": mustTime(i.json("expiresAt")).Format(time.RFC3339),
	}
	if len(told) != 1 || cmp.Diff(wantEvent, told[0].attributes) != "" {
		t.Errorf("the room heard %+v", told)
	}
	join := map[string]any{"invitation": i.json("id")}
	viewer.post("/api/channels/ada/join", join, 403).code(t, "not-yours")
	ada.post("/api/channels/ada/join", join, 403).code(t, "not-yours")
	joined := guest.post("/api/channels/ada/join", join, 200)
	if s := w.seat(joined); joined.json("host") != "Ada" || !s.Publish || s.UserID != id || s.Attributes["username"] != name || s.ParticipantID != i.json("participantId") {
		t.Errorf("the guest joined with %s: %+v", joined.body, s)
	}
	w.tell(w.does(joined.json("token").(string), "PUBLISH_STARTED"))
	w.tell(w.does(joined.json("token").(string), "PUBLISH_STOPPED"))
	if got := ada.get("/api/studio").json("realTime", "isLive"); got != true {
		t.Error("the host is off because a guest left")
	}

	ada.post("/api/studio/remove", map[string]any{"participantId": joined.json("participantId")}, 204)
	if !w.refused(joined) {
		t.Error("the removed guest's token still works")
	}
	guest.post("/api/channels/ada/join", join, 410).code(t, "removed")
	ada.post("/api/studio/real-time", isLive[false], 200)
	home.until("the end", func(c ugc.Card) bool { return !c.RealTime && c.RealTimeSince == nil })
	var words []string
	for _, s := range w.rooms.heard("StreamCat:RealTimeUpdate") {
		words = append(words, s.attributes["isLive"]+" "+s.attributes["channel"])
	}
	if got := fmt.Sprint(words); got != "[true Ada false Ada]" {
		t.Errorf("the room heard %s", got)
	}
	for _, a := range []answer{host, seen, joined} {
		if strings.Contains(w.log.String(), a.json("token").(string)) {
			t.Error("a token is in the log")
		}
	}
}

// code ends the test unless the answer's problem has that code and a message.
func (a answer) code(t testing.TB, want string) answer {
	t.Helper()
	if m, _ := a.json("error", "message").(string); a.json("error", "code") != want || m == "" {
		t.Errorf("%s answers %s, want the code %s", a.Request.URL.Path, a.body, want)
	}
	return a
}

func mustTime(v any) time.Time {
	text, _ := v.(string)
	return must(time.Parse(time.RFC3339Nano, text))
}

// The row of the main job: the token in the database, used again on a second visit, renewed near its end.
func TestTheStoredTokenIsRenewedTenSecondsBeforeItsEnd(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	first := ada.post("/api/studio/token", struct{}{}, 200)
	ends := mustTime(first.json("expirationTime"))
	if d := ends.Sub(w.clock.Now()); d > 12*time.Hour || d < 12*time.Hour-time.Minute {
		t.Errorf("it lasts %v", d)
	}
	row := must(w.DB.App().StageTokenOf(t.Context(), first.json("userId").(string), first.json("participantId").(string)))
	if bytes.Contains(row.Sealed, []byte(first.json("token").(string))) || !row.Expires.Equal(ends) {
		t.Errorf("the row is %+v", row)
	}
	ada.post("/api/signout", nil, 204)
	w.clock.pass(ends.Sub(w.clock.Now()) - 15*time.Second)
	ada.post("/api/signin", form{"ada", password}, 200)
	if again := ada.post("/api/studio/token", struct{}{}, 200); !bytes.Equal(again.body, first.body) {
		t.Errorf("15 s before its end: %s", again.body)
	}
	w.clock.pass(5 * time.Second)
	renewed := ada.post("/api/studio/token", struct{}{}, 200)
	if renewed.json("participantId") == first.json("participantId") || !mustTime(renewed.json("expirationTime")).After(ends) {
		t.Errorf("10 s before its end: %s", renewed.body)
	}
}

// Fault 5 of the original: missing owner checks.
func TestNobodyHasAHandInAnothersStudio(t *testing.T) {
	w := newWorld(t)
	ada, eve, bob := w.register("ada"), w.register("eve"), w.register("bob")
	host := ada.post("/api/studio/token", struct{}{}, 200)
	id, name := bob.chatID("ada")
	i := ada.post("/api/studio/invitations", invite{id, name}, 201)
	invitation, participant := "/api/studio/invitations/"+i.json("id").(string), map[string]any{"participantId": i.json("participantId")}

	nobody := w.browser()
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/api/studio", nil},
		{"POST", "/api/studio/token", struct{}{}},
		{"POST", "/api/studio/invitations", invite{id, name}},
		{"DELETE", invitation, nil},
		{"POST", "/api/studio/remove", participant},
		{"POST", "/api/studio/real-time", isLive[true]},
	} {
		nobody.do(c.method, c.path, c.body).want(t, 401)
		if c.method != "GET" {
			ada.do(c.method, c.path, c.body, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }).want(t, 403)
		}
	}
	w.rooms.heard("StreamCat:MultihostInvite")
	for _, who := range []*browser{eve, bob} {
		who.do("DELETE", invitation, nil).want(t, 404)
		who.post("/api/studio/remove", participant, 404)
		who.post("/api/studio/remove", map[string]any{"participantId": host.json("participantId")}, 404)
	}
	other := eve.post("/api/studio/token", struct{}{}, 200)
	if other.json("stageId") == host.json("stageId") || w.seat(other).Attributes["username"] != "eve" {
		t.Errorf("eve got a seat on %s", other.body)
	}
	if s := eve.get("/api/studio"); len(s.json("invitations").([]any)) != 0 {
		t.Errorf("eve sees %s", s.body)
	}
	ada.post("/api/studio/invitations", invite{host.json("userId").(string), "ada"}, 400) // herself
	ada.post("/api/studio/remove", map[string]any{"participantId": host.json("participantId")}, 400)
	ada.post("/api/studio/invitations", invite{}, 400)
	ada.post("/api/studio/invitations", invite{"nobody", "x"}, 404)
	ada.post("/api/studio/real-time", struct{}{}, 400)
	if got := w.rooms.heard("StreamCat:MultihostInvite"); len(got) != 0 {
		t.Errorf("rooms heard %+v", got)
	}
	eve.post("/api/studio/invitations", invite{id, name}, 201)
	got := w.rooms.heard("StreamCat:MultihostInvite")
	c := must(w.DB.App().ChannelByName(t.Context(), "eve"))
	if len(got) != 1 || got[0].room != c.RoomARN || got[0].attributes["host"] != "eve" {
		t.Errorf("eve's word went into %+v", got)
	}
	if w.refused(host) {
		t.Error("the host was disconnected")
	}
}

func TestAnInvitationThatIsOverSaysHow(t *testing.T) {
	w := newWorld(t)
	ada, bob := w.register("ada"), w.register("bob")
	id, name := bob.chatID("ada")
	i := ada.post("/api/studio/invitations", invite{id, name}, 201)
	if again := ada.post("/api/studio/invitations", invite{id, name}, 201); again.json("id") != i.json("id") {
		t.Errorf("invited again: %s", again.body)
	}
	join := func(i answer, code int) answer {
		t.Helper()
		return bob.post("/api/channels/ada/join", map[string]any{"invitation": i.json("id")}, code)
	}
	w.clock.pass(time.Hour + time.Minute)
	join(i, 410).code(t, "expired")
	if got := ada.get("/api/studio").json("invitations").([]any)[0].(map[string]any)["state"]; got != "expired" {
		t.Errorf("the studio says %v", got)
	}
	fresh := ada.post("/api/studio/invitations", invite{id, name}, 201)
	seat := join(fresh, 200)
	ada.do("DELETE", "/api/studio/invitations/"+url.PathEscape(fresh.json("id").(string)), nil).want(t, 204)
	join(fresh, 410).code(t, "withdrawn")
	if !w.refused(seat) {
		t.Error("the token still works")
	}
	bob.post("/api/channels/ada/join", map[string]any{"invitation": "never"}, 404)
	bob.post("/api/channels/ada/join", struct{}{}, 404)
	w.clock.pass(stageFor + 13*time.Hour)
	if err := w.purgeOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada.post("/api/signin", form{"ada", password}, 200)
	if got := ada.get("/api/studio").json("invitations").([]any); len(got) != 0 {
		t.Errorf("a week later the studio knows %v", got)
	}
}

// Fault 10 of the original: a crash of the host leaves the stage "live".
func TestACrashOfTheHostTurnsRealTimeOff(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	host := ada.post("/api/studio/token", struct{}{}, 200).json("token").(string)
	ada.do("POST", "/api/studio/real-time", isLive[false]).want(t, 200)
	w.tell(w.does(host, "PUBLISH_STARTED"))
	ada.post("/api/studio/real-time", isLive[true], 200)
	page := w.feed("?channels=ada")
	page.until("real time", func(c ugc.Card) bool { return c.RealTime })
	w.does(host, "LEFT") // and no event comes
	for range 2 {
		if err := w.app.Prepare(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.clock.pass(20 * time.Second)
	}
	page.until("the end", func(c ugc.Card) bool { return !c.RealTime })
	w.browser().post("/api/channels/ada/stage-token", struct{}{}, 409).code(t, "not-real-time")
}

func TestSeatsAreThrottledByPersonAndNetwork(t *testing.T) {
	w := newWorld(t)
	ada, eve := w.register("ada"), w.register("eve")
	w.clock.stop()
	ada.post("/api/studio/token", struct{}{}, 200)
	for n := 0; ; n++ {
		a := ada.do("POST", "/api/studio/token", struct{}{})
		if a.StatusCode == 429 {
			if a.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			break
		}
		if n > 2*seatRates.pairBurst {
			t.Fatal("no end to it")
		}
		a.want(t, 200)
	}
	eve.post("/api/studio/token", struct{}{}, 200) // another person of the same network
	w.clock.pass(seatRates.pairEvery)
	ada.post("/api/studio/token", struct{}{}, 200)
	for n := 0; w.browser().do("POST", "/api/channels/ada/stage-token", struct{}{}).StatusCode != 429; n++ { // each a new guest
		if n > 2*seatRates.addressBurst {
			t.Fatal("no end to new guests of one network")
		}
	}
}

func TestATabWhoseTokenIsRefusedGetsAnother(t *testing.T) {
	w := newWorld(t)
	ada := w.register("ada")
	first := ada.post("/api/studio/token", struct{}{}, 200)
	second := ada.post("/api/studio/token", map[string]any{"refused": first.json("participantId")}, 200)
	if first.json("participantId") == second.json("participantId") {
		t.Error("the same token again")
	}
}

func TestWhereBrowsersCannotSendByWhipNoDoorIsNamed(t *testing.T) {
	w := newWorld(t, func(d *Deps) { d.WhipEndpoint = "" })
	ada := w.register("ada")
	for _, path := range []string{"/api/studio", "/api/dashboard"} {
		a := ada.get(path).want(t, 200)
		if v, ok := a.json().(map[string]any)["whip"]; !ok || v != nil {
			t.Errorf("%s: whip is %v, %v", path, v, ok)
		}
	}
}
