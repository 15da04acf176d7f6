package ivs

import (
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ivs"

	"github.com/streamcat/streamcat/internal/fault"
)

func TestPassphraseIsFoundByTheStreamKey(t *testing.T) {
	w := newWorld(t, time.Now())
	made, err := w.client(t).CreateChannel(t.Context(), &sdk.CreateChannelInput{})
	if err != nil {
		t.Fatal(err)
	}
	d := NewDirectory(w.db, w.keyring, here)
	got, err := d.Passphrase(t.Context(), *made.StreamKey.Value)
	if err != nil || got != *made.Channel.Srt.Passphrase {
		t.Errorf("%v, the same as the API's: %v", err, got == *made.Channel.Srt.Passphrase)
	}
	if _, err := d.Passphrase(t.Context(), "sk_nobody"); fault.Of(err) != fault.NotFound || strings.Contains(err.Error(), "sk_nobody") {
		t.Errorf("an unknown key: %v", err)
	}
}
