package e2e

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime/types"
)

// TestTheClientLibraryOnAStage runs web/client in real browsers, over kill -9 of the server and the end of
// its stage.
func TestTheClientLibraryOnAStage(t *testing.T) {
	dir := t.TempDir()
	fixed := []string{"--http-addr", freeAddr(t), "--webrtc-addr", freeAddr(t)}
	p := startProcess(t, dir, fixed...)
	th := theatreOn(t, nil, "http://"+p.HTTP, p.aws())

	type person struct {
		Token string `json:"token"`
		Video string `json:"video,omitempty"`
		Audio string `json:"audio,omitempty"`
	}
	somebody := func(name string, c *camera, may ...types.ParticipantTokenCapability) person {
		one := person{Token: th.seat(name, may...).token}
		if c != nil {
			one.Video, one.Audio = c.files(t)
		}
		return one
	}
	people, err := json.Marshal(map[string]person{
		"host": somebody("host", &camera{"red", 440}), "guest": somebody("guest", &camera{"green", 880}),
		"viewer": somebody("viewer", nil, subscribe), "second": somebody("second", nil),
	})
	if err != nil {
		t.Fatal(err)
	}

	s := startScript(t, "browser/client.mjs", string(people))
	for _, step := range []string{"seen", "muted", "reloaded", "reused", "refused"} {
		s.hear(step)
	}
	who := s.hear("disconnect")["participant"].(string)
	if _, err := th.stages.DisconnectParticipant(t.Context(), &ivsrealtime.DisconnectParticipantInput{StageArn: &th.stage, ParticipantId: &who, Reason: aws.String("test")}); err != nil {
		t.Fatal(err)
	}
	s.cue("disconnected")
	s.hear("restart")
	p.kill()
	startProcess(t, dir, fixed...)
	s.cue("restarted")
	s.hear("back")
	s.hear("delete")
	if _, err := th.stages.DeleteStage(t.Context(), &ivsrealtime.DeleteStageInput{Arn: &th.stage}); err != nil {
		t.Fatal(err)
	}
	s.hear("done")
}
