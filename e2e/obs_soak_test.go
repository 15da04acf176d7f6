//go:build soak

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/engine/enginetest"
)

// obsHome writes what OBS Studio keeps in a user's configuration folder: a profile that streams to a server and
// key of its own with a key frame every two seconds, and a scene of one colour with a text on it.
func obsHome(t *testing.T, server, key string) string {
	t.Helper()
	home := t.TempDir()
	type object = map[string]any
	write := func(name string, content any) {
		t.Helper()
		text, plain := content.(string)
		if !plain {
			b, err := json.Marshal(content)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		path := filepath.Join(home, "obs-studio", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// FirstRun keeps the wizard away, ConfirmOnExit the question whether to stop a running stream.
	write("global.ini", `[General]
FirstRun=true
ConfirmOnExit=false
EnableAutoUpdates=false

[Basic]
Profile=soak
ProfileDir=soak
SceneCollection=soak
SceneCollectionFile=soak
`)
	write("basic/profiles/soak/basic.ini", `[General]
Name=soak

[Video]
BaseCX=640
BaseCY=360
OutputCX=640
OutputCY=360
FPSCommon=30

[Audio]
SampleRate=48000

[Output]
Mode=Advanced

[AdvOut]
Encoder=obs_x264
TrackIndex=1
Track1Bitrate=128
`)
	write("basic/profiles/soak/streamEncoder.json", object{"rate_control": "CBR", "bitrate": 1000, "keyint_sec": 2, "preset": "ultrafast", "bf": 0})
	write("basic/profiles/soak/service.json", object{"type": "rtmp_custom", "settings": object{"server": server, "key": key, "use_auth": false}})
	item := func(id int, name string) object {
		return object{"id": id, "name": name, "visible": true, "pos": object{"x": 0, "y": 0}, "scale": object{"x": 1, "y": 1}}
	}
	write("basic/scenes/soak.json", object{
		"name": "soak", "current_scene": "Harbour", "current_program_scene": "Harbour", "scene_order": []object{{"name": "Harbour"}},
		"sources": []object{
			{"id": "color_source", "versioned_id": "color_source_v3", "name": "Sea", "settings": object{"color": 0xff804020, "width": 640, "height": 360}},
			{"id": "text_ft2_source", "versioned_id": "text_ft2_source_v2", "name": "Title", "settings": object{"text": "StreamCat", "font": object{"face": "DejaVu Sans", "size": 96}}},
			{"id": "scene", "name": "Harbour", "settings": object{"id_counter": 2, "items": []object{item(1, "Sea"), item(2, "Title")}}},
		},
	})
	return home
}

// xvfb starts a screen that nobody sees and gives the name of its display.
func xvfb(t *testing.T) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x720x24", "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{w}
	launchEncoder(t, cmd)
	if err := r.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var display int
	if _, err := fmt.Fscan(r, &display); err != nil {
		t.Fatalf("Xvfb names no display: %v", err)
	}
	return fmt.Sprintf(":%d", display)
}

// obs starts OBS Studio, which draws by software and begins to stream at once.
func obs(t *testing.T, server, key string) *encoder {
	t.Helper()
	home := obsHome(t, server, key)
	cmd := exec.Command("obs", "--startstreaming", "--minimize-to-tray", "--disable-updater", "--disable-missing-files-check", "--multi")
	cmd.Env = append(os.Environ(), "DISPLAY="+xvfb(t), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_RUNTIME_DIR="+home,
		"LIBGL_ALWAYS_SOFTWARE=1", "QT_QPA_PLATFORM=xcb")
	return launchEncoder(t, cmd)
}

// TestSoakOBSStudioStreamsForAMinute has the encoder that most people use publish, and an independent reader check each
// version of the playlist for a minute. Then OBS is closed as by its user.
func TestSoakOBSStudioStreamsForAMinute(t *testing.T) {
	e := enginetest.Start(t)
	api := ivs.NewFromConfig(e.AWS())
	c := makeChannel(t, e.AWS(), e.RTMP)
	enc := obs(t, strings.TrimSuffix(c.PublishURL, "/"+c.Key), c.Key)
	eventually(t, time.Minute, "live", func() bool {
		if enc.ended(0) {
			t.Fatalf("OBS ended: %v", enc.err)
		}
		return isLive(t, e.AWS(), c)
	})
	session, err := api.GetStreamSession(t.Context(), &ivs.GetStreamSessionInput{ChannelArn: &c.ARN})
	if err != nil {
		t.Fatal(err)
	}
	video := session.StreamSession.IngestConfiguration.Video
	if name := aws.ToString(video.Encoder); !strings.HasPrefix(name, "obs-output module (libobs version ") {
		t.Errorf("the session's encoder is %q", name)
	}
	if video.VideoWidth != 640 || video.VideoHeight != 360 || video.TargetFramerate != 30 {
		t.Errorf("the session's picture is %d×%d at %d a second", video.VideoWidth, video.VideoHeight, video.TargetFramerate)
	}
	follow(t, mediaURL(t, c.PlaybackURL), 180) // three parts a second
	probe(t, c.PlaybackURL)
	enc.stillThere(t)

	enc.quit()
	eventually(t, 20*time.Second, "over", func() bool { return !isLive(t, e.AWS(), c) })
	if strings.Contains(e.Log(), c.Key) {
		t.Error("the log holds the stream key")
	}
}
