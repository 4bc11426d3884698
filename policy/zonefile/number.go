package zonefile

import (
	"fmt"
	"math"
	"strconv"

	"github.com/meridian-gtm/meridian/policy"
)

// parseSeconds reads a plain number of seconds or BIND's form with units, like
// 1h30m (w, d, h, m, s in any case and order, each number with its unit).
func parseSeconds(text string) (uint32, error) {
	if v, err := strconv.ParseUint(text, 10, 64); err == nil {
		if v > math.MaxUint32 {
			return 0, fmt.Errorf("%s is over %d", shorten(text), uint32(math.MaxUint32))
		}
		return uint32(v), nil
	}
	units := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	var sum, n uint64
	digits := false
	for i := range len(text) {
		c := text[i]
		if isDigit(c) {
			n, digits = n*10+uint64(c-'0'), true
		} else {
			unit, ok := units[c|0x20]
			if !ok || !digits {
				return 0, fmt.Errorf("%q is not a number of seconds; write 3600 or 1h30m", shorten(text))
			}
			sum, n, digits = sum+n*unit, 0, false
		}
		if sum > math.MaxUint32 || n > math.MaxUint32 {
			return 0, fmt.Errorf("%s is over %d seconds", shorten(text), uint32(math.MaxUint32))
		}
	}
	if digits || text == "" {
		return 0, fmt.Errorf("%q ends in a number without its unit", shorten(text))
	}
	return uint32(sum), nil
}

// parseTTL is parseSeconds within RFC 2181 section 8.
func parseTTL(text string) (uint32, error) {
	v, err := parseSeconds(text)
	if err != nil {
		return 0, fmt.Errorf("bad TTL: %w", err)
	}
	return v, ttlInRange(v)
}

func ttlInRange(v uint32) error {
	if v > policy.MaxTTL {
		return fmt.Errorf("TTL %d is over %d, the largest there is (RFC 2181 section 8)", v, uint32(policy.MaxTTL))
	}
	return nil
}

func parseUint16(text, what string) (uint16, error) {
	v, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("bad %s %q: a number from 0 to 65535 is needed", what, shorten(text))
	}
	return uint16(v), nil
}
