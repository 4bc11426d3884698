package peertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Password is that of the superuser, postgres, of every PostgreSQL server here.
const Password = "peer-password"

// PG is a running PostgreSQL server.
type PG struct {
	Port int
	Stop func() // at once, so that its port is closed; the test's end does it too
	dir  string
	bin  string
}

// Postgres starts a primary.
func Postgres(t testing.TB) *PG {
	t.Helper()
	bin := filepath.Dir(Program(t, "initdb", "/usr/lib/postgresql/*/bin"))
	p := &PG{dir: filepath.Join(Dir(t, "postgres"), "data"), bin: bin}
	password := filepath.Join(filepath.Dir(p.dir), "password")
	if err := os.WriteFile(password, []byte(Password), 0o644); err != nil {
		t.Fatal(err)
	}
	Run(t, p.command(t, "initdb", "-D", p.dir, "-U", "postgres", "--auth=scram-sha-256", "--pwfile="+password, "--no-sync", "--locale=C", "-E", "UTF8"))
	p.start(t)
	return p
}

// Replica starts a server that streams from this one.
func (p *PG) Replica(t testing.TB) *PG {
	t.Helper()
	r := &PG{dir: filepath.Join(Dir(t, "postgres"), "data"), bin: p.bin}
	Run(t, p.command(t, "pg_basebackup", "-D", r.dir, "-h", Host, "-p", strconv.Itoa(p.Port), "-U", "postgres", "-R", "-X", "stream", "-c", "fast", "--no-sync"))
	r.start(t)
	Await(t, "waiting for replication", func() error {
		if got := r.Query(t, "SELECT coalesce((SELECT status FROM pg_stat_wal_receiver), '')"); got != "streaming" {
			return errors.New(got)
		}
		return nil
	})
	return r
}

// Promote makes a replica a primary.
func (p *PG) Promote(t testing.TB) {
	t.Helper()
	Run(t, p.command(t, "pg_ctl", "promote", "-D", p.dir, "-w"))
}

// Query asks the server and gives the answer's only value, or its lines.
func (p *PG) Query(t testing.TB, sql string) string {
	t.Helper()
	return strings.TrimSpace(Run(t, p.command(t, "psql", "-XAtq", "-h", Host, "-p", strconv.Itoa(p.Port), "-U", "postgres", "-d", "postgres", "-c", sql)))
}

// Restart starts a server that was stopped, at its old port and as what it was.
func (p *PG) Restart(t testing.TB) { p.start(t) }

func (p *PG) start(t testing.TB) {
	t.Helper()
	if p.Port == 0 {
		p.Port = Port(t)
	}
	socket := filepath.Dir(p.dir)
	p.Stop = Start(t, p.command(t, "postgres", "-D", p.dir, "-h", Host, "-p", strconv.Itoa(p.Port), "-k", socket,
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "wal_level=replica", "-c", "hot_standby=on", "-c", "max_wal_senders=4"), syscall.SIGINT)
	Await(t, fmt.Sprintf("waiting for PostgreSQL at port %d", p.Port), func() error {
		return p.command(t, "pg_isready", "-q", "-h", Host, "-p", strconv.Itoa(p.Port)).Run()
	})
}

func (p *PG) command(t testing.TB, program string, args ...string) *exec.Cmd {
	cmd := Command(t, "postgres", filepath.Dir(p.dir), filepath.Join(p.bin, program), args...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "PGPASSWORD=" + Password, "HOME=" + filepath.Dir(p.dir)}
	return cmd
}
