package ugc

import (
	"slices"
	"testing"

	"github.com/streamcat/streamcat/internal/fault"
)

func TestResetReplacesTheStreamKey(t *testing.T) {
	w := newWorld(t)
	u := w.register("ada")
	old, err := w.StreamKey(t.Context(), u.ID)
	if err != nil || old == "" {
		t.Fatalf("key = %q, %v", old, err)
	}
	if again, _ := w.StreamKey(t.Context(), u.ID); again != old {
		t.Errorf("key = %q, then %q", old, again)
	}
	if err := w.ResetStreamKey(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	if key, err := w.StreamKey(t.Context(), u.ID); err != nil || key == old || key == "" {
		t.Errorf("key after reset = %q, %v", key, err)
	}
}

func TestAResetThatWasCutOffIsMadeGood(t *testing.T) {
	for name, m := range map[string]mishap{"before the new key": {}, "after the new key": {late: true}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			u := w.register("ada")
			old, err := w.StreamKey(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			w.cloud.goWrong("CreateStreamKey", m)
			if err := w.ResetStreamKey(t.Context(), u.ID); fault.Of(err) != fault.Unavailable {
				t.Fatalf("err = %v, want unavailable", err)
			}
			if key, err := w.StreamKey(t.Context(), u.ID); err != nil || key == old || key == "" {
				t.Errorf("key = %q, %v", key, err)
			}
			if got := w.cloud.left(); !slices.Equal(got, whole) {
				t.Errorf("resources = %v, want each once", got)
			}
		})
	}
}

func TestChatRightsFollowWhoAsks(t *testing.T) {
	w := newWorld(t)
	ada, grace := w.register("ada"), w.register("grace")
	for name, c := range map[string]struct {
		who  Chatter
		want string
	}{
		"owner":     {Chatter{UserID: ada.ID, Name: "ada"}, ada.ID + "|owner|SEND_MESSAGE,DELETE_MESSAGE,DISCONNECT_USER"},
		"signed in": {Chatter{UserID: grace.ID, Name: "grace"}, grace.ID + "|viewer|SEND_MESSAGE"},
		"guest":     {Chatter{UserID: "guest-1", Name: "guest-0001", Guest: true}, "guest-1|guest|SEND_MESSAGE"},
	} {
		t.Run(name, func(t *testing.T) {
			pass, err := w.ChatToken(t.Context(), "ADA", c.who)
			if err != nil || pass.Token != c.want {
				t.Errorf("token = %q, %v, want %q", pass.Token, err, c.want)
			}
		})
	}
	if _, err := w.ChatToken(t.Context(), "nobody", Chatter{UserID: ada.ID}); fault.Of(err) != fault.NotFound {
		t.Errorf("err = %v, want not found", err)
	}
}
