package e2e

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivschat"
	"github.com/aws/aws-sdk-go-v2/service/ivschat/types"
	"github.com/coder/websocket"
)

// TestKilledServerHasLoggedWhatAnybodyHeard kills the server in the middle of talk. The next one must write
// every frame to the log that any client had received, and no frame twice.
func TestKilledServerHasLoggedWhatAnybodyHeard(t *testing.T) {
	dir := t.TempDir()
	p := startProcess(t, dir, "--chat-limits", "off")
	ctx := t.Context()
	chat := ivschat.NewFromConfig(p.aws())
	made, err := chat.CreateLoggingConfiguration(ctx, &ivschat.CreateLoggingConfigurationInput{
		DestinationConfiguration: &types.DestinationConfigurationMemberS3{Value: types.S3DestinationConfiguration{BucketName: aws.String("talk")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu     sync.Mutex
		heard  = map[string]bool{}
		much   = make(chan struct{})
		enough sync.Once
		wg     sync.WaitGroup
	)
	for range 2 {
		room, err := chat.CreateRoom(ctx, &ivschat.CreateRoomInput{LoggingConfigurationIdentifiers: []string{*made.Arn}})
		if err != nil {
			t.Fatal(err)
		}
		for member := range 3 {
			token, err := chat.CreateChatToken(ctx, &ivschat.CreateChatTokenInput{
				RoomIdentifier: room.Arn, UserId: aws.String(fmt.Sprint("user", member)), Capabilities: []types.ChatTokenCapability{types.ChatTokenCapabilitySendMessage},
			})
			if err != nil {
				t.Fatal(err)
			}
			ws, _, err := websocket.Dial(ctx, "ws://"+p.HTTP, &websocket.DialOptions{Subprotocols: []string{*token.Token}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { ws.CloseNow() })
			wg.Go(func() { // until the server is gone
				for n := 0; ; n++ {
					if ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"Action":"SEND_MESSAGE","Content":"%d"}`, n)) != nil {
						return
					}
				}
			})
			wg.Go(func() {
				for {
					ctx, cancel := context.WithTimeout(ctx, time.Minute)
					_, text, err := ws.Read(ctx)
					cancel()
					if err != nil {
						return
					}
					mu.Lock()
					heard[string(text)] = true
					if len(heard) == 500 {
						enough.Do(func() { close(much) }) // the same frame may come again to another
					}
					mu.Unlock()
				}
			})
		}
	}
	select {
	case <-much:
	case <-time.After(time.Minute):
		t.Fatal("hardly anything was heard")
	}
	p.kill()
	wg.Wait()

	startProcess(t, dir)
	eventually(t, time.Minute, "the journal is delivered", func() bool {
		left, _ := filepath.Glob(filepath.Join(dir, "chatlog", "*", "*.log"))
		return len(left) == 0
	})
	logged := map[string]int{}
	err = filepath.WalkDir(filepath.Join(dir, "blobs", "talk"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(z)
		for line := range strings.Lines(string(text)) {
			var r struct{ Payload json.RawMessage }
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			logged[string(r.Payload)]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for frame := range heard {
		if logged[frame] != 1 {
			t.Errorf("somebody heard %s, and it is logged %d times", frame, logged[frame])
		}
	}
	t.Logf("%d frames heard, %d logged", len(heard), len(logged))
}
