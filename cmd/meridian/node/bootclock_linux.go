package node

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// machineClock runs on from one process to the next, and says of which boot it is.
func machineClock() (boot string, now time.Duration) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	var t unix.Timespec
	if err != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &t) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(id)), time.Duration(t.Nano())
}
