package policy

import "encoding/binary"

// The service parameters that hold addresses (RFC 9460 section 14.3.2).
const (
	ParamIPv4Hint uint16 = 4
	ParamIPv6Hint uint16 = 6
)

// ReadSVCB reads the head of an SVCB or HTTPS record's data (RFC 9460 section
// 2.2): the priority, 0 for AliasMode; the target, where the root stands for
// the owner unless in AliasMode; and the parameters. The target is nil in data that is none.
func ReadSVCB(rdata []byte) (priority uint16, target, params []byte) {
	for i := 2; i < len(rdata) && i < 2+MaxName; i += 1 + int(rdata[i]) {
		if rdata[i] == 0 {
			return binary.BigEndian.Uint16(rdata), rdata[2 : i+1 : i+1], rdata[i+1:]
		}
	}
	return 0, nil, nil
}

// Param finds the value of a service parameter.
func Param(params []byte, key uint16) ([]byte, bool) {
	for len(params) >= 4 {
		k, n := binary.BigEndian.Uint16(params), int(binary.BigEndian.Uint16(params[2:]))
		if len(params) < 4+n {
			break
		}
		if k == key {
			return params[4 : 4+n], true
		}
		params = params[4+n:]
	}
	return nil, false
}

// DataName is a name as RDATA holds it, in wire form and any case. Length
// octets stay as they are: they are below the letters.
func DataName(wire []byte) Name {
	b := make([]byte, len(wire))
	for i, c := range wire {
		b[i] = lower(c)
	}
	return Name(b)
}
