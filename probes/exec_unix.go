//go:build unix

package probes

import (
	"os/exec"
	"syscall"
)

// own gives a program a process group of its own, which is killed when its context ends.
func own(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
