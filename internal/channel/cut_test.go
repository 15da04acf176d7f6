package channel_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/hls/hlscheck"
	"github.com/streamcat/streamcat/internal/media"
)

// A download that takes long, on a line that is slow, ends with the viewer's session where the session is part of the
// address: at a channel with strict origins.
func TestADownloadUnderWayIsCutWhenItsViewerIsRevoked(t *testing.T) {
	h := newHouse(t)
	s, err := h.Admit(t.Context(), media.Publisher{Protocol: "RTMP", Key: privateKey})
	if err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 1<<20) // ten in a part: more than all buffers between here and the player
	copy(large, []byte{0, 15, 0xff, 0xfc, 0x65})
	for i := range 60 {
		at := time.Duration(i) * time.Second / 30
		if err := s.Write(&media.Frame{Track: video, DTS: at, PTS: at, Arrived: h.clock.Now(), Key: i%30 == 0, Payload: large}); err != nil {
			t.Fatal(err)
		}
	}
	const origin = "https://a.example"
	playlist := h.open(h, h.token("aws:viewer-id", "v", "aws:access-control-allow-origin", origin, "aws:strict-origin-enforcement", true), origin)
	var list *hlscheck.Playlist
	eventually(t, "a part", func() bool {
		w := ask(h, playlist, origin)
		list, _ = hlscheck.Parse(w.Body.String())
		return w.Code == 200 && len(list.Segments) > 2
	})
	part := playlist[:strings.LastIndex(playlist, "/")+1] + list.Segments[1].Parts[0].URI

	srv := httptest.NewServer(h)
	defer srv.Close()
	line, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	if err := line.(*net.TCPConn).SetReadBuffer(128 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(line, "GET %s HTTP/1.1\r\nHost: a\r\nOrigin: %s\r\n\r\n", part, origin)
	answer := bufio.NewReader(line)
	if status, err := answer.ReadString('\n'); err != nil || !strings.Contains(status, "200") {
		t.Fatalf("%q, %v", status, err)
	}
	if err := h.Revoke(t.Context(), h.private.ARN, "v", 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server lets go", func() bool { return h.Waiting() == 0 })
	if err := line.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, answer)
	var late net.Error
	if errors.As(err, &late) && late.Timeout() || n >= int64(10*len(large)) {
		t.Errorf("%d bytes came after the revocation, and then %v", n, err)
	}
}
