package probes

import (
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes/peertest"
)

func redisMonitor(role string, lag time.Duration) policy.Monitor {
	return policy.Monitor{Redis: &policy.RedisCheck{
		Password: &policy.SecretRef{Secret: "pw"}, TLS: policy.TLSDisable, Role: role, MaxLag: policy.Duration(lag)}}
}

func startRedis(t *testing.T, more ...string) (port int, stop func()) {
	t.Helper()
	port = peertest.Port(t)
	args := append([]string{"--port", strconv.Itoa(port), "--bind", peertest.Host, "--save", "", "--requirepass", peertest.Password,
		"--masterauth", peertest.Password, "--repl-diskless-sync-delay", "0"}, more...)
	stop = peertest.Start(t, peertest.Command(t, "", peertest.Dir(t, ""), peertest.Program(t, "redis-server"), args...), syscall.SIGTERM)
	peertest.AwaitPort(t, port)
	return port, stop
}

func TestRedis(t *testing.T) {
	primary, stop := startRedis(t)
	replica, _ := startRedis(t, "--replicaof", peertest.Host+" "+strconv.Itoa(primary))
	wantReplica := redisMonitor("replica", 30*time.Second)
	peertest.Await(t, "the replica has its link", func() error {
		if s := at(t, replica, wantReplica); !s.OK {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	wantOK(t, at(t, primary, redisMonitor("", 0)))
	wantOK(t, at(t, primary, redisMonitor("primary", 0)))
	wantError(t, at(t, replica, redisMonitor("primary", 0)), "is a replica, want the primary")
	wantError(t, at(t, primary, wantReplica), "is a primary, want a replica")
	m := redisMonitor("", 0)
	m.Redis.Password.Secret = "wrong"
	wantError(t, at(t, primary, m), "the server does not let the user in: wrong user or password (WRONGPASS)")
	m = redisMonitor("", 0)
	m.Redis.Password = nil
	wantError(t, at(t, primary, m), "the server wants a password (NOAUTH)")
	stop()
	for _, lag := range []time.Duration{0, time.Minute} {
		peertest.Await(t, "the link is down", func() error {
			if s := at(t, replica, redisMonitor("replica", lag)); !strings.HasSuffix(s.Error, "it has no link to its primary") {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
	}
}

func TestRedisAnswers(t *testing.T) {
	m := redisMonitor("", 0)
	m.Redis.Password = nil
	for answer, want := range map[string]string{
		"-LOADING Redis is loading the dataset in memory\r\n": "is loading its data (LOADING)",
		"-hunter2\r\n":             "the server answers with an error",
		"SSH-2.0-hunter2\r\n":      notRedis,
		"$99999999999\r\nx":        notRedis,
		"":                         "connection closed before the end of the answer",
		strings.Repeat("+", 1<<16): notRedis,
	} {
		s := once(t, target(t, talk(t, func(c net.Conn) {
			buf := make([]byte, 64)
			_, _ = c.Read(buf)
			_, _ = io.WriteString(c, answer)
			_ = c.(*net.TCPConn).CloseWrite()
			waitClosed(c)
		}), m))
		wantError(t, s, want)
	}
}

func startMariaDB(t *testing.T, id int) (port int, stop func(), sql func(string) string) {
	t.Helper()
	program, dir := peertest.Program(t, "mariadbd"), peertest.Dir(t, "mysql")
	install := peertest.Program(t, "mariadb-install-db")
	peertest.Run(t, peertest.Command(t, "mysql", dir, install, "--no-defaults", "--datadir="+dir+"/data", "--auth-root-authentication-method=normal", "--skip-test-db"))
	port = peertest.Port(t)
	socket := filepath.Join(dir, "s")
	stop = peertest.Start(t, peertest.Command(t, "mysql", dir, program, "--no-defaults", "--datadir="+dir+"/data", "--bind-address="+peertest.Host,
		"--port="+strconv.Itoa(port), "--socket="+socket, "--pid-file="+dir+"/pid", "--log-bin=bin", "--server-id="+strconv.Itoa(id), "--innodb-flush-log-at-trx-commit=0"), syscall.SIGTERM)
	client := peertest.Program(t, "mariadb")
	run := func(sql string) *exec.Cmd {
		return peertest.Command(t, "mysql", dir, client, "--no-defaults", "-S", socket, "-uroot", "-NBe", sql)
	}
	peertest.Await(t, "waiting for MariaDB", func() error { return run("SELECT 1").Run() })
	return port, stop, func(sql string) string { t.Helper(); return peertest.Run(t, run(sql)) }
}

func mysqlMonitor(role string, lag time.Duration) policy.Monitor {
	return policy.Monitor{MySQL: &policy.DatabaseCheck{
		User: "probe", Password: &policy.SecretRef{Secret: "pw"}, TLS: policy.TLSDisable, Role: role, MaxLag: policy.Duration(lag)}}
}

func TestMariaDB(t *testing.T) {
	primary, stop, sql := startMariaDB(t, 1)
	replica, _, replicaSQL := startMariaDB(t, 2)
	const user = "CREATE USER probe@'%' IDENTIFIED BY '" + peertest.Password + "'"
	sql(user)
	wantOK(t, at(t, primary, mysqlMonitor("", 0)))
	wantOK(t, at(t, primary, mysqlMonitor("primary", 0)))
	wantError(t, at(t, primary, mysqlMonitor("replica", 0)),
		"the user may not ask for the state of replication; grant it REPLICATION CLIENT (MySQL) or REPLICA MONITOR (MariaDB)")
	const grant = "GRANT REPLICA MONITOR, REPLICATION SLAVE ON *.* TO probe@'%'"
	sql(grant)
	wantError(t, at(t, primary, mysqlMonitor("replica", 0)), "is a primary, want a replica")
	m := mysqlMonitor("", 0)
	m.MySQL.Password.Secret = "wrong"
	wantError(t, at(t, primary, m), "the server does not let the user in: wrong user, password or database")
	m = mysqlMonitor("", 0)
	m.MySQL.TLS = policy.TLSVerify
	wantError(t, at(t, primary, m), errNoTLS.Error())

	replicaSQL("SET sql_log_bin = 0; " + user + "; " + grant + "; FLUSH PRIVILEGES")
	replicaSQL("SET GLOBAL read_only = 1")
	replicaSQL(fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%d, MASTER_USER='probe', MASTER_PASSWORD='%s', MASTER_USE_GTID=no, "+
		"MASTER_LOG_FILE='%s', MASTER_LOG_POS=%s, MASTER_CONNECT_RETRY=1; START SLAVE", peertest.Host, primary, peertest.Password,
		strings.Fields(sql("SHOW MASTER STATUS"))[0], strings.Fields(sql("SHOW MASTER STATUS"))[1]))
	peertest.Await(t, "the replica runs", func() error {
		if s := at(t, replica, mysqlMonitor("replica", 5*time.Second)); !s.OK {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	wantError(t, at(t, replica, mysqlMonitor("primary", 0)), "takes no writes (read_only), want the primary")
	stop()
	peertest.Await(t, "replication has stopped", func() error {
		if s := at(t, replica, mysqlMonitor("replica", 0)); s.Error != "its replication is not running" {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}
