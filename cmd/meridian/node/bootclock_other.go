//go:build !linux

package node

import "time"

// machineClock is not known here.
func machineClock() (boot string, now time.Duration) { return "", 0 }
