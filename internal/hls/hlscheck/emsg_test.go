package hlscheck

import (
	"strings"
	"testing"
)

// An event message as the specifications write it, byte by byte: "x" put at second one.
const goodMessage = "\x00\x00\x00\x6cemsg\x01\x00\x00\x00" +
	"\x00\x01\x5f\x90" + "\x00\x00\x00\x00\x00\x01\x5f\x90" + "\xff\xff\xff\xff" + "\x00\x00\x00\x07" +
	"https://aomedia.org/emsg/ID3\x00\x00" +
	"ID3\x04\x00\x00\x00\x00\x00\x24TXXX\x00\x00\x00\x1a\x00\x00\x03metadata.live-video.net\x00x"

func TestTexts(t *testing.T) {
	if n := len(goodMessage); n != 0x6c {
		t.Fatalf("the example has %#x bytes", n)
	}
	texts, faults := Texts([]byte(goodMessage))
	want := Text{ID: 7, Time: 1, Description: "metadata.live-video.net", Value: "x"}
	if len(faults) > 0 || len(texts) != 1 || texts[0] != want {
		t.Fatalf("%+v, %q", texts, faults)
	}
	for _, c := range []struct{ name, old, new, fault string }{
		{"version 0", "emsg\x01", "emsg\x00", "emsg"},
		{"another scheme", "aomedia.org", "aomedia.com", "scheme"},
		{"no timescale", "\x00\x01\x5f\x90\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00\x00", "timescale"},
		{"ID3v2.3", "ID3\x04", "ID3\x03", "version 3"},
		{"tag too long", "\x00\x24TXXX", "\x00\x25TXXX", "says it has"},
		{"size not syncsafe", "\x00\x24TXXX", "\x80\x24TXXX", "syncsafe"},
		{"another frame", "TXXX", "PRIV", "no TXXX"},
		{"Latin text", "\x00\x00\x03meta", "\x00\x00\x00meta", "UTF-8"},
		{"broken UTF-8", "\x00x", "\x00\xff", "UTF-8"},
		{"description without end", "net\x00x", "net.x", "no end"},
	} {
		if _, faults := Texts([]byte(strings.Replace(goodMessage, c.old, c.new, 1))); !strings.Contains(strings.Join(faults, "\n"), c.fault) {
			t.Errorf("%s: found %q", c.name, faults)
		}
	}
	moof := "\x00\x00\x00\x08moof"
	if _, faults := Texts([]byte(moof + goodMessage + "\x00\x00\x00\x08mdat")); !strings.Contains(strings.Join(faults, "\n"), "between") {
		t.Errorf("inside a fragment: found %q", faults)
	}
}
