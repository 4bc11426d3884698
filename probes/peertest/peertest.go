// Package peertest starts real servers for tests, each in a directory of its own
// on an address of loopback that nobody dials from, and stops them when the test
// ends. A test is skipped when the program is not installed.
package peertest

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Host is where servers listen.
const Host = "127.69.7.1"

// Port is a port of Host that nothing listens on.
func Port(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", Host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Program finds a program, also where daemons are. Without it the test is skipped.
func Program(t testing.TB, name string, more ...string) string {
	t.Helper()
	for _, dir := range append(more, "/usr/sbin", "/usr/bin", "/usr/local/bin") {
		if list, _ := filepath.Glob(filepath.Join(dir, name)); len(list) > 0 {
			return list[len(list)-1]
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// Dir is a directory that a user of the system can reach and owns. Without root
// it is the test's own.
func Dir(t testing.TB, owner string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if uid, gid, ok := ids(t, owner); ok {
		if err := os.Chown(dir, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func ids(t testing.TB, name string) (uid, gid int, ok bool) {
	t.Helper()
	if os.Getuid() != 0 || name == "" {
		return 0, 0, false
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Skipf("there is no user %s, as whom the server would run", name)
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, true
}

// Command is a program run as a user of the system; without root as who we are.
func Command(t testing.TB, as, dir, program string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	if uid, gid, ok := ids(t, as); ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	return cmd
}

// Run runs a program to its end, which must be a good one, and gives its output.
func Run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// Start runs a server until the test ends, or stop is called, which ends it with a
// signal and waits. What it says is shown when the test fails.
func Start(t testing.TB, cmd *exec.Cmd, signal os.Signal) (stop func()) {
	t.Helper()
	log, err := os.CreateTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		_ = cmd.Process.Signal(signal)
		hung := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		hung.Stop()
	}
	t.Cleanup(func() {
		stop()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%v said:\n%s", cmd.Args, text)
		}
		log.Close()
		os.Remove(log.Name())
	})
	return stop
}

// Await polls until something holds.
func Await(t testing.TB, what string, holds func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(40 * time.Second)
	for {
		err := holds()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", what, err)
		}
		<-tick.C
	}
}

// AwaitPort waits until something listens at a port of Host.
func AwaitPort(t testing.TB, port int) {
	t.Helper()
	Await(t, "waiting for port "+strconv.Itoa(port), func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(Host, strconv.Itoa(port)), time.Second)
		if err != nil {
			return err
		}
		return c.Close()
	})
}
