package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ivs"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivsrealtime"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestClientsFindTheServerByTheirEnvironment changes no line of a program and no argument: variables that AWS's
// tools read by themselves are all there is, for all services at once or for each.
func TestClientsFindTheServerByTheirEnvironment(t *testing.T) {
	e := enginetest.Start(t)
	for name, variables := range map[string][]string{
		"one for all":  {"AWS_ENDPOINT_URL"},
		"one for each": {"AWS_ENDPOINT_URL_IVS", "AWS_ENDPOINT_URL_IVS_REALTIME", "AWS_ENDPOINT_URL_IVSCHAT"},
	} {
		t.Run(name, func(t *testing.T) {
			env := awsEnv(t, e)
			for _, v := range variables {
				env = append(env, v+"="+e.URL)
			}
			for _, command := range [][]string{
				{commandLines(t)[0], "ivs", "list-channels"},
				{commandLines(t)[0], "ivs-realtime", "list-stages"},
				{commandLines(t)[0], "ivschat", "list-rooms"},
				{"node", "api/environment.mjs"},
			} {
				cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
				cmd.Env = env
				var out bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &out
				if err := cmd.Run(); err != nil {
					t.Errorf("%s: %v\n%s", strings.Join(command, " "), err, out.Bytes())
				}
			}
			for _, v := range env {
				key, value, _ := strings.Cut(v, "=")
				if strings.HasPrefix(key, "AWS_") {
					t.Setenv(key, value)
				}
			}
			cfg, err := config.LoadDefaultConfig(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ivs.NewFromConfig(cfg).ListChannels(t.Context(), &ivs.ListChannelsInput{}); err != nil {
				t.Error(err)
			}
			if _, err := ivsrealtime.NewFromConfig(cfg).ListStages(t.Context(), &ivsrealtime.ListStagesInput{}); err != nil {
				t.Error(err)
			}
			if _, err := ivschat.NewFromConfig(cfg).ListRooms(t.Context(), &ivschat.ListRoomsInput{}); err != nil {
				t.Error(err)
			}
		})
	}
}
