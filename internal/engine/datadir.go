package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockDataDir makes sure that only one process uses a data-dir. The lock goes with the process.
func lockDataDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &BadConfig{"data-dir", fmt.Sprintf("%s is used by another streamcat", dir)}
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// Addresses are those really bound, as written to data-dir/addresses.json.
type Addresses struct {
	HTTP   string `json:"http"`            // host:port
	HTTPS  string `json:"https,omitempty"` // host:port, with RTMPS on the same; empty without TLS
	RTMP   string `json:"rtmp"`            // host:port
	SRT    string `json:"srt"`             // host:port, UDP
	WebRTC string `json:"webrtc"`          // host:port, UDP and TCP
	TURN   string `json:"turn,omitempty"`  // host:port, UDP and TCP; empty without the relay
	Admin  string `json:"admin"`           // host:port
	URL    string `json:"url"`             // the public URL, without a slash at its end
	Ingest string `json:"ingest"`          // what encoders stream to: rtmps:// with TLS, else rtmp://
}

func (a Addresses) write(dir string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "addresses.json"), append(text, '\n'), 0o600)
}
