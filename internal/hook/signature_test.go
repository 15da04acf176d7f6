package hook

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/streamcat/streamcat/internal/fault"
)

// The example of the format's own libraries.
func TestSignatureIsThatOfTheFormat(t *testing.T) {
	key, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	id, at, body := "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := Sign([][]byte{key}, id, at, body); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Sign([][]byte{[]byte("another"), key}, id, at, body); !strings.HasSuffix(got, " "+want) || strings.Count(got, "v1,") != 2 {
		t.Errorf("of two keys: %s", got)
	}
}

func TestSecretsHaveTheFormatsForm(t *testing.T) {
	if key, err := ParseSecret(newSecret()); err != nil || len(key) != 32 {
		t.Errorf("a fresh one: %d bytes, %v", len(key), err)
	}
	encode := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for name, text := range map[string]string{
		"too short": encode(23), "too long": encode(65), "no prefix": strings.TrimPrefix(encode(32), "whsec_"), "not base64": "whsec_%%%", "empty": "",
	} {
		if _, err := ParseSecret(text); fault.Of(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, n := range []int{24, 64} {
		if key, err := ParseSecret(encode(n)); err != nil || len(key) != n {
			t.Errorf("of %d bytes: %d, %v", n, len(key), err)
		}
	}
}
