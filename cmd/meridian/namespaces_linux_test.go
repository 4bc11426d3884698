package main

import (
	"net"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// within runs what makes a socket in the namespace; the socket stays there.
func (n *namespace) within(fn func() error) error {
	runtime.LockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer here.Close()
	there, err := os.Open(filepath.Join(namespaceDir, n.name))
	if err != nil {
		return err
	}
	defer there.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return err
	}
	err = fn()
	if back := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); back != nil {
		return back // the thread stays locked, and so ends with the goroutine
	}
	runtime.UnlockOSThread()
	return err
}

func (n *namespace) dial(network, addr string) (conn net.Conn, err error) {
	err = n.within(func() error { conn, err = net.Dial(network, addr); return err })
	return conn, err
}

func (n *namespace) listen(addr string) (l net.Listener, err error) {
	err = n.within(func() error { l, err = net.Listen("tcp", addr); return err })
	return l, err
}
