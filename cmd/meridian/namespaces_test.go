package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// namespace is a network of its own, gone with the test.
type namespace struct {
	t    *testing.T
	name string
}

const namespaceDir = "/run/netns"

// newNamespace makes one with addresses on its loopback interface. Who may not make one skips the test.
func newNamespace(t *testing.T, name string, addrs ...string) *namespace {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip is not installed (Debian: apt-get install iproute2)")
	}
	sweepNamespaces()
	n := &namespace{t, fmt.Sprintf("meridian-%d-%s", os.Getpid(), name)}
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no network namespace can be made: %v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", n.name).Run() })
	n.must("ip", "link", "set", "lo", "up")
	for _, a := range addrs {
		n.address(a, "lo")
	}
	return n
}

// sweepNamespaces removes what a test process that was killed has left, daemons in it included.
func sweepNamespaces() {
	list, _ := filepath.Glob(filepath.Join(namespaceDir, "meridian-*"))
	for _, file := range list {
		name := filepath.Base(file)
		pid, err := strconv.Atoi(strings.Split(name, "-")[1])
		if err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		out, _ := exec.Command("ip", "netns", "pids", name).Output()
		for p := range strings.FieldsSeq(string(out)) {
			if pid, err := strconv.Atoi(p); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		_ = exec.Command("ip", "netns", "delete", name).Run()
	}
}

func (n *namespace) address(addr, device string) {
	n.t.Helper()
	if strings.Contains(addr, ":") {
		n.must("ip", "-6", "address", "add", addr+"/128", "dev", device, "nodad")
	} else {
		n.must("ip", "address", "add", addr+"/32", "dev", device)
	}
}

// lan is hosts on one bridge, which has a namespace of its own as each of them
// does: nothing of it is in the network of whoever runs the test.
type lan struct {
	t   *testing.T
	hub *namespace
}

func newLAN(t *testing.T) *lan {
	t.Helper()
	l := &lan{t, newNamespace(t, "hub")}
	l.hub.must("ip", "link", "add", "bridge", "type", "bridge")
	l.hub.must("ip", "link", "set", "bridge", "up")
	return l
}

// host adds one, which reaches every other directly, whatever its address.
func (l *lan) host(name, addr string) *namespace {
	l.t.Helper()
	n := newNamespace(l.t, name)
	l.hub.must("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", n.name)
	l.hub.must("ip", "link", "set", name, "master", "bridge", "up")
	n.address(addr, "eth0")
	n.must("ip", "link", "set", "eth0", "up")
	n.must("ip", "route", "add", "default", "dev", "eth0")
	return n
}

// command is a command that runs in the namespace; without one it runs here.
func (n *namespace) command(args ...string) *exec.Cmd {
	if n != nil {
		args = append([]string{"ip", "netns", "exec", n.name}, args...)
	}
	return exec.Command(args[0], args[1:]...)
}

func (n *namespace) must(args ...string) {
	n.t.Helper()
	if out, err := n.command(args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// start runs a daemon until the test ends.
func (n *namespace) start(env []string, args ...string) {
	n.t.Helper()
	cmd := n.command(args...)
	log, err := os.Create(filepath.Join(n.t.TempDir(), "log"))
	if err != nil {
		n.t.Fatal(err)
	}
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), log, log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		stop(cmd)
		log.Close()
		if text, _ := os.ReadFile(log.Name()); n.t.Failed() {
			n.t.Logf("log of %s:\n%s", args[0], tail(text, 2000))
		}
	})
}
