// Package storetest gives tests a PostgreSQL of their own: one server per test process, started by the
// first test that asks, on a Unix socket in a temporary directory, and gone with the process however it
// ends. Only tests may import it.
package storetest

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
)

var (
	started   = sync.OnceValues(start)
	databases atomic.Int64
)

// server is the running PostgreSQL of this process.
type server struct {
	dir   string // of its socket
	guard *exec.Cmd
	alive io.Closer // the guard's input: while this process holds it open, the server runs
}

// running is the server once it was started.
var running atomic.Pointer[server]

// Main is the TestMain of a package that uses PostgresURL: it runs the tests, waits until the server has
// stopped, and exits. Without it the server stops just after the process has ended.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package that has more to clean up: it gives the exit code.
func Run(m *testing.M) int {
	code := m.Run()
	if s := running.Load(); s != nil {
		s.alive.Close()
		_ = s.guard.Wait() // it was told to stop: how it did is of no interest
	}
	return code
}

// PostgresURL gives the URL of a fresh, empty database that is dropped when the test ends. Where
// PostgreSQL is not installed the test fails, and says what to install.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return fresh(t, "")
}

// fresh makes a database, as the options of CREATE DATABASE say.
func fresh(t testing.TB, options string) string {
	t.Helper()
	s, err := started()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	admin(t, s.dir, "CREATE DATABASE "+name+options)
	t.Cleanup(func() { admin(t, s.dir, "DROP DATABASE "+name+" WITH (FORCE)") })
	return databaseURL(s.dir, name)
}

func databaseURL(dir, name string) string {
	return "postgres://postgres@/" + name + "?" + url.Values{"host": {dir}, "sslmode": {"disable"}}.Encode()
}

func admin(t testing.TB, dir, statement string) {
	t.Helper()
	if err := execute(dir, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func execute(dir, statement string) error {
	db, err := sql.Open("pgx", databaseURL(dir, "postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// guard is run by sh with the programs' directory and the data directory. It makes and runs the
// server, says "ready" or "failed: why", and waits for the end of its input, which comes with the end
// of the test process, whether that returned, crashed or was killed. Then it stops the server and
// leaves nothing behind.
const guard = `
bin=$1 dir=$2
log=$dir/log
end() { [ -n "$pid" ] && kill -QUIT $pid 2>/dev/null && wait $pid 2>/dev/null; cd /; rm -rf "$dir"; exit; }
fail() { echo "failed: $1: $(tail -n 3 "$log" | tr '\n' ' ')"; end; }
trap '' HUP INT TERM
"$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$log" 2>&1 || fail initdb
"$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c synchronous_commit=off \
	-c full_page_writes=off -c deadlock_timeout=50ms -c max_connections=300 -c shared_buffers=64MB -c autovacuum=off >"$log" 2>&1 </dev/null &
pid=$!
until "$bin/pg_isready" -q -h "$dir"; do kill -0 $pid 2>/dev/null || fail postgres; sleep 0.05; done
echo ready
cat >/dev/null
end
`

// start runs a server under its guard.
func start() (*server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	credential, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(base(), "streamcat-pg-")
	if err != nil {
		return nil, err
	}
	if credential != nil {
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("/bin/sh", "-c", guard, "postgres-for-tests", bin, dir)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "PGTZ=UTC"}
	// Its own process group: an interrupt at the terminal is for the tests; the guard sees them end.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setpgid: true}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line = strings.TrimSpace(line); line != "ready" {
		return nil, fmt.Errorf("it did not start: %s %v", line, err)
	}
	s := &server{dir: dir, guard: cmd, alive: alive}
	running.Store(s)
	return s, nil
}

// programs finds the directory of initdb and postgres: Debian keeps it off the PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("initdb is not here; install it: apt-get install postgresql")
	}
	return filepath.Dir(path), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

// account is who the server runs as: PostgreSQL refuses to run as root. Nil means as this process.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("no user postgres to run it as; install it: apt-get install postgresql")
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// base is a directory that any user may enter and whose name leaves room for a socket's: 107 bytes.
func base() string {
	dir := os.TempDir()
	if len(dir) > 60 {
		return "/tmp"
	}
	for d := dir; d != "/"; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err != nil || info.Mode().Perm()&0o001 == 0 {
			return "/tmp"
		}
	}
	return dir
}
