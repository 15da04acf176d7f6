package turn

import (
	"net"
	"testing"
	"time"

	"github.com/pion/stun/v4"
)

// FuzzUsername reads user names of strangers.
func FuzzUsername(f *testing.F) {
	for _, name := range []string{"1795509394:ada", "1:", ":ada", "-1:x", "9223372036854775807:x", "99999999999999999999:x", "1:a:b", "+1:a", ""} {
		f.Add(name)
	}
	t := Tickets{Password: func(string) string { return "" }}
	f.Fuzz(func(tt *testing.T, name string) {
		participant, until, ok := t.read(name)
		if !ok {
			return
		}
		if participant == "" || until.Unix() <= 0 || len(name) > maxUsername {
			tt.Errorf("%q: %q until %v", name, participant, until)
		}
		c := client{place{at: mediaAddr, stream: true}, participant}
		if got, err := readClient(c.id()); err != nil || got != c {
			tt.Errorf("%+v became %+v: %v", c, got, err)
		}
	})
}

// addressed is an end of a pipe that says it is TCP.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (addressed) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

// FuzzStream gives the relay what a stranger may send on a connection. Whatever it is, no allocation comes of it, and
// the connection ends with the client.
func FuzzStream(f *testing.F) {
	request := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), overUDP)
	forged := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), overUDP, stun.NewUsername("1795509394:ada"),
		stun.NewRealm(realm), stun.NewNonce("nonce"), stun.NewLongTermIntegrity("1795509394:ada", realm, "password"))
	for _, seed := range [][]byte{request.Raw, forged.Raw, append(request.Raw, forged.Raw...), {0x40, 0, 0, 1, 0}, []byte("GET / HTTP/1.1\r\n\r\n"), {3}} {
		f.Add(seed)
	}
	w := newWorld(f, nil)
	for i := range w.strangers.buckets {
		w.strangers.buckets[i].SetBurst(1 << 30)
		w.strangers.buckets[i].SetLimit(1e9)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		w.ServeConn(addressed{theirs})
		_ = ours.SetDeadline(time.Now().Add(10 * time.Second))
		read := make(chan struct{})
		go func() { // answers are not kept waiting
			defer close(read)
			b := make([]byte, 4096)
			for {
				if _, err := ours.Read(b); err != nil {
					return
				}
			}
		}()
		_, _ = ours.Write(data) // it may be closed already
		ours.Close()
		<-read
		w.mu.RLock()
		defer w.mu.RUnlock()
		if len(w.relays) != 0 {
			t.Errorf("%d allocations", len(w.relays))
		}
	})
}
