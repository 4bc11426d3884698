package history

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Cell is what is kept of a check for a time.
type Cell struct {
	Judged  bool    // its verdict was known to this node
	Unknown bool    // the verdict was unknown for some of the time
	Down    float64 // for how much of the time it was down, 0 to 1

	Probed  bool          // this vantage has taken samples
	Latency time.Duration // of those that succeeded, their mean; 0: none did
	Max     time.Duration
	Loss    float64 // share of the samples that failed, 0 to 1
}

const (
	cellSize  = 8
	turns     = 1 << 12 // of a ring that are told apart: the one of 2 hours turns that often in 341 days
	fractions = 250     // steps of a share
)

// The flags of a cell. One without any is empty.
const (
	judged = 1 << iota
	unknown
	probed
)

// put writes the cell of a turn.
func (c Cell) put(to []byte, turn int64) {
	flags := uint16(0)
	if c.Judged {
		flags |= judged
	}
	if c.Unknown {
		flags |= unknown
	}
	if c.Probed {
		flags |= probed
	}
	binary.LittleEndian.PutUint16(to, squeeze(c.Latency))
	binary.LittleEndian.PutUint16(to[2:], squeeze(c.Max))
	to[4], to[5] = byte(math.Round(c.Loss*fractions)), byte(math.Round(c.Down*fractions))
	binary.LittleEndian.PutUint16(to[6:], uint16(turn%turns)<<4|flags)
}

// get reads the cell of a turn; the zero Cell is of another turn, or empty.
func get(from []byte, turn int64) (c Cell) {
	tag := binary.LittleEndian.Uint16(from[6:])
	if tag>>4 != uint16(turn%turns) || from[4] > fractions || from[5] > fractions {
		return c
	}
	c.Judged, c.Unknown, c.Probed = tag&judged != 0, tag&unknown != 0, tag&probed != 0
	c.Latency, c.Max = expand(binary.LittleEndian.Uint16(from)), expand(binary.LittleEndian.Uint16(from[2:]))
	c.Loss, c.Down = float64(from[4])/fractions, float64(from[5])/fractions
	return c
}

// squeeze keeps a time of up to 35 minutes in 16 bits, to 0.04 %.
func squeeze(d time.Duration) uint16 {
	return uint16(min(math.Round(2048*math.Log2(1+max(0, float64(d)/1000))), math.MaxUint16))
}

func expand(v uint16) time.Duration {
	return time.Duration(math.Round((math.Exp2(float64(v)/2048) - 1) * 1000))
}

// Status is the verdict at its worst.
func (c Cell) Status() policy.Status {
	switch {
	case c.Down > 0:
		return policy.Down
	case c.Unknown || !c.Judged:
		return policy.Unknown
	}
	return policy.Up
}

// merged puts cells of equal times together. Those with nothing to say count for nothing.
type merged struct {
	cell                    Cell
	judged, probed, latency int
	sum                     time.Duration
}

func (m *merged) add(c Cell) {
	if c.Judged {
		m.judged++
		m.cell.Judged, m.cell.Unknown = true, m.cell.Unknown || c.Unknown
		m.cell.Down += c.Down
	}
	if c.Probed {
		m.probed++
		m.cell.Probed = true
		m.cell.Loss += c.Loss
		m.cell.Max = max(m.cell.Max, c.Max)
		if c.Latency > 0 {
			m.latency++
			m.sum += c.Latency
		}
	}
}

func (m *merged) result() Cell {
	c := m.cell
	if m.judged > 0 {
		c.Down /= float64(m.judged)
	}
	if m.probed > 0 {
		c.Loss /= float64(m.probed)
	}
	if m.latency > 0 {
		c.Latency = m.sum / time.Duration(m.latency)
	}
	return c
}
