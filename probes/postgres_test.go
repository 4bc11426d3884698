package probes

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes/peertest"
)

// at makes one probe of a server of peertest.
func at(t *testing.T, port int, m policy.Monitor) policy.Sample {
	t.Helper()
	return once(t, peer(t, port, m))
}

// peer is a check of a server of peertest, whose password is known.
func peer(t *testing.T, port int, m policy.Monitor) Target {
	t.Helper()
	to := target(t, net.JoinHostPort(peertest.Host, strconv.Itoa(port)), m)
	to.Secret = func(name string) (string, error) {
		return map[string]string{"pw": peertest.Password, "wrong": "hunter2"}[name], nil
	}
	return to
}

func pgMonitor(role string, lag time.Duration) policy.Monitor {
	return policy.Monitor{Postgres: &policy.DatabaseCheck{
		User: "postgres", Password: &policy.SecretRef{Secret: "pw"}, TLS: policy.TLSDisable, Role: role, MaxLag: policy.Duration(lag)}}
}

func TestPostgresRoles(t *testing.T) {
	primary := peertest.Postgres(t)
	replica := primary.Replica(t)
	any, wantPrimary, wantReplica := pgMonitor("", 0), pgMonitor("primary", 0), pgMonitor("replica", 5*time.Second)
	wantOK(t, at(t, primary.Port, any))
	wantOK(t, at(t, replica.Port, any))
	wantOK(t, at(t, primary.Port, wantPrimary))
	wantOK(t, at(t, replica.Port, wantReplica))
	wantError(t, at(t, replica.Port, wantPrimary), "is a replica, want the primary")
	wantError(t, at(t, primary.Port, wantReplica), "is a primary, want a replica")

	t.Run("mistakes", func(t *testing.T) {
		m := pgMonitor("", 0)
		m.Postgres.Password.Secret = "wrong"
		wantError(t, at(t, primary.Port, m), "the server does not let the user in: wrong user or password, or pg_hba.conf")
		m = pgMonitor("", 0)
		m.Postgres.Database = "nowhere"
		wantError(t, at(t, primary.Port, m), "there is no such database")
		m = pgMonitor("", 0)
		m.Postgres.TLS = policy.TLSRequire
		wantError(t, at(t, primary.Port, m), errNoTLS.Error())
	})
	t.Run("a reader that may not see the receiver", func(t *testing.T) {
		primary.Query(t, "CREATE USER reader PASSWORD '"+peertest.Password+"'")
		m := pgMonitor("replica", 5*time.Second)
		m.Postgres.User = "reader"
		const missing = "lag not known: the user may not read pg_stat_wal_receiver; grant it pg_monitor"
		peertest.Await(t, "the user has come over", func() error {
			if s := at(t, replica.Port, m); s.Error != missing {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		primary.Query(t, "GRANT pg_monitor TO reader")
		peertest.Await(t, "the grant has come over", func() error {
			if s := at(t, replica.Port, m); !s.OK {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	})
	t.Run("pgbouncer", func(t *testing.T) { throughPgBouncer(t, primary, replica) })
	t.Run("lag", func(t *testing.T) {
		// A quiet primary is no lag; what is received and not replayed is.
		short := pgMonitor("replica", 100*time.Millisecond)
		wantOK(t, at(t, replica.Port, short))
		replica.Query(t, "SELECT pg_wal_replay_pause()")
		primary.Query(t, "CREATE TABLE t AS SELECT generate_series(1, 1000)")
		peertest.Await(t, "there is lag", func() error {
			if s := at(t, replica.Port, short); !strings.HasPrefix(s.Error, "lag ") || !strings.HasSuffix(s.Error, ", at most 100ms") {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		wantOK(t, at(t, replica.Port, pgMonitor("replica", 0)))
		replica.Query(t, "SELECT pg_wal_replay_resume()")
		peertest.Await(t, "the lag is over", func() error {
			if s := at(t, replica.Port, short); !s.OK {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	})
	t.Run("promotion", func(t *testing.T) {
		primary.Stop()
		wantError(t, at(t, primary.Port, wantPrimary), "connection refused")
		peertest.Await(t, "the receiver is gone", func() error {
			if s := at(t, replica.Port, wantReplica); s.Error != "lag not known: it receives nothing from a primary" {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		replica.Promote(t)
		wantOK(t, at(t, replica.Port, wantPrimary))
		wantError(t, at(t, replica.Port, wantReplica), "is a primary, want a replica")
		replica.Query(t, "ALTER SYSTEM SET default_transaction_read_only = on")
		replica.Query(t, "SELECT pg_reload_conf()")
		peertest.Await(t, "read only", func() error {
			if s := at(t, replica.Port, wantPrimary); s.Error != "takes no writes (default_transaction_read_only), want the primary" {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	})
}

func throughPgBouncer(t *testing.T, primary, replica *peertest.PG) {
	program, dir, port := peertest.Program(t, "pgbouncer"), peertest.Dir(t, "postgres"), peertest.Port(t)
	for name, text := range map[string]string{
		"users": fmt.Sprintf("%q %q\n", "postgres", peertest.Password),
		"ini": fmt.Sprintf("[databases]\npostgres = host=%[1]s port=%[2]d\nother = host=%[1]s port=%[3]d dbname=postgres\n"+
			"[pgbouncer]\nlisten_addr=%[1]s\nlisten_port=%[4]d\nunix_socket_dir=\nauth_type=scram-sha-256\nauth_file=%[5]s/users\npool_mode=transaction\n",
			peertest.Host, primary.Port, replica.Port, port, dir),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	peertest.Start(t, peertest.Command(t, "postgres", dir, program, filepath.Join(dir, "ini")), syscall.SIGINT)
	peertest.AwaitPort(t, port)
	m := pgMonitor("primary", 0)
	wantOK(t, at(t, port, m))
	m.Postgres.Database = "other"
	wantError(t, at(t, port, m), "is a replica, want the primary")
	m.Postgres.Role, m.Postgres.MaxLag = "replica", policy.Duration(5*time.Second)
	wantOK(t, at(t, port, m))
}

// A server that never answers is cut off at the timeout, and one that speaks
// another protocol is not quoted.
func TestPostgresStrangers(t *testing.T) {
	m := pgMonitor("primary", 0)
	m.Interval, m.Timeout = policy.Duration(time.Second), policy.Duration(100*time.Millisecond)
	to := target(t, talk(t, waitClosed), m)
	to.Secret = func(string) (string, error) { return "x", nil }
	wantError(t, once(t, to), "timeout after 100ms")
	to = target(t, talk(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-hunter2\r\n"); waitClosed(c) }), pgMonitor("", 0))
	to.Secret = func(string) (string, error) { return "x", nil }
	if s := once(t, to); s.OK || strings.Contains(s.Error, "hunter2") {
		t.Errorf("%+v", s)
	}
}
