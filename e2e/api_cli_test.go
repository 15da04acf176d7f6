package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// commandLine is one installed AWS command line client.
type commandLine struct {
	t    *testing.T
	path string
	env  []string
	url  string
}

// commandLines finds the clients that are installed: the first on the PATH, and the system's own.
func commandLines(t *testing.T) []string {
	t.Helper()
	first, err := exec.LookPath("aws")
	if err != nil {
		t.Fatal("the AWS command line client is not installed: run `make test-deps`")
	}
	found := []string{first}
	const system = "/usr/bin/aws"
	if _, err := os.Stat(system); err == nil && first != system {
		found = append(found, system)
	}
	return found
}

// run gives the output of one command, or its error text if it failed.
func (c *commandLine) run(args ...string) (out []byte, failure string) {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), c.path, append([]string{"--endpoint-url", c.url, "--output", "json"}, args...)...)
	cmd.Env = c.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, err.Error() + ": " + strings.TrimSpace(stderr.String())
	}
	return stdout.Bytes(), ""
}

// answer runs a command that must succeed and gives what it printed.
func (c *commandLine) answer(args ...string) map[string]any {
	c.t.Helper()
	out, failure := c.run(args...)
	if failure != "" {
		c.t.Fatalf("aws %s: %s", strings.Join(args, " "), failure)
	}
	v := map[string]any{}
	if len(bytes.TrimSpace(out)) == 0 {
		return v
	}
	if err := json.Unmarshal(out, &v); err != nil {
		c.t.Fatalf("aws %s: %v in %s", strings.Join(args, " "), err, out)
	}
	return v
}

// refused runs a command that the server must refuse, by the name of AWS's exception and a hint.
func (c *commandLine) refused(exception, hint string, args ...string) {
	c.t.Helper()
	_, failure := c.run(args...)
	if !strings.Contains(failure, "An error occurred ("+exception+") when calling the ") || !strings.Contains(failure, hint) {
		c.t.Errorf("aws %s: got %q, want %s with %q", strings.Join(args, " "), failure, exception, hint)
	}
}

// at walks into an answer: at(v, "stage", "arn").
func at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func text(t *testing.T, v any, path ...string) string {
	t.Helper()
	s, ok := at(v, path...).(string)
	if !ok {
		t.Fatalf("no text at %s in %v", strings.Join(path, "."), v)
	}
	return s
}

// TestAWSCommandLine uses the stock AWS client with nothing but --endpoint-url and a key.
func TestAWSCommandLine(t *testing.T) {
	e := enginetest.Start(t)
	var staged atomic.Bool
	t.Run("clients", func(t *testing.T) {
		for i, path := range commandLines(t) {
			t.Run(path, func(t *testing.T) {
				t.Parallel() // a command takes a second, and all of it is the client's own
				c := &commandLine{t, path, awsEnv(t, e), e.URL}
				name := fmt.Sprint("cli-", i)
				c.channels(name)
				c.rooms(name)
				if _, failure := c.run("ivs-realtime", "list-stages"); strings.Contains(failure, "nvalid choice") {
					loudly(t, "%s is too old to know ivs-realtime: stages and participant tokens are NOT judged by it", path)
					return
				}
				c.stages(name)
				staged.Store(true)
			})
		}
	})
	if !staged.Load() {
		loudly(t, "NO installed AWS command line client knows ivs-realtime: for stages and participant tokens the AWS SDKs are the only judges")
	}
}

// loudly says something that nobody running the tests may miss, whatever the flags.
func loudly(t *testing.T, format string, args ...any) {
	t.Helper()
	message := fmt.Sprintf(format, args...)
	t.Log(message)
	fmt.Fprintf(os.Stderr, "\n*** %s\n\n", message)
}

// channels makes, lists and asks for channels.
func (c *commandLine) channels(name string) {
	t := c.t
	t.Helper()
	made := c.answer("ivs", "create-channel", "--name", name, "--tags", "project=streamcat")
	channel := text(t, made, "channel", "arn")
	if key := text(t, made, "streamKey", "value"); !strings.HasPrefix(key, "sk_us-east-1_") {
		t.Errorf("stream key has another form")
	}
	for member, want := range map[string]any{"type": "STANDARD", "latencyMode": "LOW", "authorized": false, "recordingConfigurationArn": ""} {
		if got := at(made, "channel", member); got != want {
			t.Errorf("channel.%s: got %v, want %v", member, got, want)
		}
	}
	listed, _ := at(c.answer("ivs", "list-channels", "--filter-by-name", name), "channels").([]any)
	if len(listed) != 1 || at(listed[0], "arn") != channel || at(listed[0], "tags", "project") != "streamcat" {
		t.Errorf("list-channels: %v", listed)
	}
	c.refused("ResourceNotFoundException", "", "ivs", "get-channel", "--arn", missing(channel))
	c.refused("ValidationException", "us-east-1", "ivs", "get-channel", "--arn", abroad(channel))
	c.refused("InvalidSignatureException", "us-east-1", "ivs", "list-channels", "--region", "eu-west-1")
}

// rooms makes a room and the documentation's chat token.
func (c *commandLine) rooms(name string) {
	t := c.t
	t.Helper()
	room := text(t, c.answer("ivschat", "create-room", "--name", name), "arn")
	// Literally the command of the documentation.
	made := c.answer("ivschat", "create-chat-token", "--room-identifier", room, "--user-id", "11231234", "--capabilities", "SEND_MESSAGE")
	if token := text(t, made, "token"); !regexp.MustCompile(`^[A-Za-z0-9._-]+$`).MatchString(token) {
		t.Error("the token cannot be a WebSocket subprotocol")
	}
	text(t, made, "tokenExpirationTime")
	text(t, made, "sessionExpirationTime")
	token := func(room string, more ...string) []string {
		return append([]string{"ivschat", "create-chat-token", "--room-identifier", room, "--user-id", "ann"}, more...)
	}
	c.refused("ValidationException", "attributes", token(room, "--attributes", "k="+strings.Repeat("x", 1024))...)
	c.refused("ValidationException", "us-east-1", token(abroad(room))...)
	c.refused("ResourceNotFoundException", missing(room), token(missing(room))...)
}

// stages makes a stage and participant tokens at their limits.
func (c *commandLine) stages(name string) {
	t := c.t
	t.Helper()
	stage := text(t, c.answer("ivs-realtime", "create-stage", "--name", name), "stage", "arn")
	made := c.answer("ivs-realtime", "create-participant-token", "--stage-arn", stage, "--user-id", "ann", "--attributes", "k="+strings.Repeat("x", 1023))
	if token := text(t, made, "participantToken", "token"); strings.Count(token, ".") != 2 {
		t.Error("the token is no JSON Web Token")
	}
	if got := at(made, "participantToken", "duration"); got != 720. {
		t.Errorf("duration: %v", got)
	}
	token := func(stage string, more ...string) []string {
		return append([]string{"ivs-realtime", "create-participant-token", "--stage-arn", stage}, more...)
	}
	c.refused("ValidationException", "duration", token(stage, "--duration", "20161")...)
	c.refused("ValidationException", "attributes", token(stage, "--attributes", "k="+strings.Repeat("x", 1024))...)
	c.refused("ValidationException", "us-east-1", token(abroad(stage))...)
	c.refused("ResourceNotFoundException", missing(stage), token(missing(stage))...)
	if _, failure := c.run("ivs-realtime", "create-participant-token", "--user-id", "ann"); !strings.Contains(failure, "--stage-arn") {
		t.Errorf("missing ARN: %q", failure) // the client sees this by itself
	}
}

// abroad is the same resource name in another region, missing that of a resource that does not exist.
func abroad(name string) string { return strings.Replace(name, ":us-east-1:", ":eu-west-1:", 1) }

func missing(name string) string { return filepath.Join(filepath.Dir(name), "doesNotExist") }
