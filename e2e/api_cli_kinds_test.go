package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// TestAWSCommandLineOfEachKind gives the first installed client that knows all three services one command of
// each kind: create, get, list, update, import, batch, tag, put, start, stop, delete.
func TestAWSCommandLineOfEachKind(t *testing.T) {
	e := enginetest.Start(t)
	c := &commandLine{t, commandLines(t)[0], awsEnv(t, e), e.URL}
	if _, failure := c.run("ivs-realtime", "list-stages"); failure != "" {
		t.Fatalf("%s does not know all services: run `make test-deps`: %s", c.path, failure)
	}
	key := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(key, []byte(*(&gopher{t: t}).publicKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, story := range map[string]func(*commandLine, string){
		"ivs": (*commandLine).everyKindOfIVS, "live": (*commandLine).liveKinds,
		"ivs-realtime": (*commandLine).everyKindOfRealTime, "ivschat": (*commandLine).everyKindOfChat,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := "file://" + key
			if name == "live" {
				given = e.RTMP
			}
			story(&commandLine{t, c.path, c.env, c.url}, given)
		})
	}
}

// of gives the commands of one service: answers must succeed.
func (c *commandLine) of(service string) func(args ...string) map[string]any {
	return func(args ...string) map[string]any {
		c.t.Helper()
		return c.answer(append([]string{service}, args...)...)
	}
}

func (c *commandLine) want(what string, got, want any) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func (c *commandLine) everyKindOfIVS(key string) {
	t, aws := c.t, c.of("ivs")
	channel := text(t, aws("create-channel", "--type", "BASIC"), "channel", "arn")
	c.want("get-channel", at(aws("get-channel", "--arn", channel), "channel", "type"), "BASIC")
	c.want("update-channel", at(aws("update-channel", "--arn", channel, "--name", "other"), "channel", "name"), "other")
	listed, _ := at(aws("list-channels", "--filter-by-name", "other"), "channels").([]any)
	c.want("list-channels", len(listed), 1)
	batch := aws("batch-get-channel", "--arns", channel, missing(channel))
	errors, _ := at(batch, "errors").([]any)
	c.want("batch-get-channel", len(errors), 1)
	pair := text(t, aws("import-playback-key-pair", "--public-key-material", key), "keyPair", "arn")
	c.want("tag-resource", len(aws("tag-resource", "--resource-arn", pair, "--tags", "a=b")), 0)
	c.want("list-tags-for-resource", at(aws("list-tags-for-resource", "--resource-arn", pair), "tags", "a"), "b")
	aws("untag-resource", "--resource-arn", pair, "--tag-keys", "a")
	aws("start-viewer-session-revocation", "--channel-arn", channel, "--viewer-id", "ann")
	aws("delete-channel", "--arn", channel)
	c.refused("ResourceNotFoundException", "", "ivs", "get-channel", "--arn", channel)
}

func (c *commandLine) liveKinds(rtmp string) {
	t, aws := c.t, c.of("ivs")
	made := aws("create-channel")
	channel := text(t, made, "channel", "arn")
	c.refused("ChannelNotBroadcasting", "", "ivs", "put-metadata", "--channel-arn", channel, "--metadata", "goal")
	ffmpeg(t, rtmp+text(t, made, "streamKey", "value"), picture{size: "320x180", rate: "15", gop: "15"})
	(&gopher{t: t}).eventually("the stream is live", func() bool {
		_, failure := c.run("ivs", "get-stream", "--channel-arn", channel)
		return failure == ""
	})
	aws("put-metadata", "--channel-arn", channel, "--metadata", "goal")
	aws("stop-stream", "--channel-arn", channel)
}

func (c *commandLine) everyKindOfRealTime(key string) {
	t, aws := c.t, c.of("ivs-realtime")
	stage := text(t, aws("create-stage", "--name", "one"), "stage", "arn")
	c.want("get-stage", at(aws("get-stage", "--arn", stage), "stage", "name"), "one")
	c.want("update-stage", at(aws("update-stage", "--arn", stage, "--name", "other"), "stage", "name"), "other")
	aws("list-stages", "--max-results", "1")
	text(t, aws("import-public-key", "--public-key-material", key), "publicKey", "fingerprint")
	aws("tag-resource", "--resource-arn", stage, "--tags", "a=b")
	c.want("list-tags-for-resource", at(aws("list-tags-for-resource", "--resource-arn", stage), "tags", "a"), "b")
	encoder := text(t, aws("create-encoder-configuration"), "encoderConfiguration", "arn")
	storage := text(t, aws("create-storage-configuration", "--s3", "bucketName=recordings"), "storageConfiguration", "arn")
	destination := `[{"s3":{"storageConfigurationArn":"` + storage + `","encoderConfigurationArns":["` + encoder + `"]}}]`
	composition := text(t, aws("start-composition", "--stage-arn", stage, "--destinations", destination), "composition", "arn")
	aws("stop-composition", "--arn", composition)
	if state := text(t, aws("get-composition", "--arn", composition), "composition", "state"); state != "STOPPED" && state != "FAILED" {
		t.Errorf("a composition that was stopped is %s", state)
	}
	aws("delete-stage", "--arn", stage)
	c.refused("ResourceNotFoundException", "", "ivs-realtime", "get-stage", "--arn", stage)
}

func (c *commandLine) everyKindOfChat(string) {
	t, aws := c.t, c.of("ivschat")
	logging := text(t, aws("create-logging-configuration", "--destination-configuration", "s3={bucketName=logs}"), "arn")
	room := text(t, aws("create-room", "--name", "one", "--logging-configuration-identifiers", logging), "arn")
	c.want("get-room", at(aws("get-room", "--identifier", room), "name"), "one")
	c.want("update-room", at(aws("update-room", "--identifier", room, "--name", "other"), "name"), "other")
	aws("list-rooms", "--name", "other")
	aws("tag-resource", "--resource-arn", room, "--tags", "a=b")
	c.want("list-tags-for-resource", at(aws("list-tags-for-resource", "--resource-arn", room), "tags", "a"), "b")
	if id := text(t, aws("send-event", "--room-identifier", room, "--event-name", "goal"), "id"); strings.Trim(id, alphanumeric) != "" || len(id) != 12 {
		t.Errorf("send-event: id %q", id)
	}
	aws("disconnect-user", "--room-identifier", room, "--user-id", "ann")
	c.refused("ConflictException", "", "ivschat", "delete-logging-configuration", "--identifier", logging)
	aws("delete-room", "--identifier", room)
	aws("delete-logging-configuration", "--identifier", logging)
}

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
