package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/streamcat/streamcat/internal/fault"
)

// One hash costs about 26 ms of one core and 19 MiB: enough to hurt a thief, little enough for a person.
const (
	argonMemory  = 19 << 10 // KiB
	argonTime    = 2
	argonThreads = 1
	saltLength   = 16
	hashLength   = 32

	maxPassword = 1024 // bytes
)

// hashing bounds how many hashes are computed at once: a burst of sign-ins waits its turn instead of
// taking all memory and every core.
var hashing = make(chan struct{}, runtime.GOMAXPROCS(0))

// HashPassword gives the argon2id hash of a password as a PHC string, salted anew each time. It waits
// for its turn; the error is then the context's.
func HashPassword(ctx context.Context, password string) (string, error) {
	if len(password) > maxPassword {
		return "", fault.InvalidInput("the password is longer than %d bytes", maxPassword)
	}
	salt := make([]byte, saltLength)
	rand.Read(salt)
	sum, err := argon(ctx, password, salt, argonTime, argonMemory, argonThreads, hashLength)
	if err != nil {
		return "", err
	}
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		enc.EncodeToString(salt), enc.EncodeToString(sum)), nil
}

// CheckPassword tells whether hash is that of password. The error is the context's while it waits for
// its turn, or says that hash is none of ours. Hashes with other parameters than today's still work.
func CheckPassword(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, fmt.Errorf("password hash has an unknown form")
	}
	var memory, passes uint32
	var threads uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil ||
		memory < 8 || memory > 1<<20 || passes < 1 || passes > 100 || threads < 1 {
		return false, fmt.Errorf("password hash has unusable parameters")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(want) < 16 || len(want) > 128 {
		return false, fmt.Errorf("password hash is not well formed")
	}
	got, err := argon(ctx, password, salt, passes, memory, threads, uint32(len(want)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}

func argon(ctx context.Context, password string, salt []byte, passes, memory uint32, threads uint8, length uint32) ([]byte, error) {
	if err := ctx.Err(); err != nil { // a free turn must not win over a caller who has gone
		return nil, err
	}
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, passes, memory, threads, length), nil
}
