package answer

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// subnetOption is an ECS option, with whatever one puts into it.
func subnetOption(data []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, 8)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

// wellFormed reads a subnet the plain way (RFC 7871 section 6).
func wellFormed(data []byte) (netip.Prefix, bool) {
	if len(data) < 4 || data[3] != 0 {
		return netip.Prefix{}, false
	}
	family, source, rest := int(data[0])<<8|int(data[1]), int(data[2]), data[4:]
	if family == 0 {
		return netip.Prefix{}, source == 0 && len(rest) == 0
	}
	size := map[int]int{1: 4, 2: 16}[family]
	if source > 8*size || len(rest) != (source+7)/8 || size == 0 {
		return netip.Prefix{}, false
	}
	addr, _ := netip.AddrFromSlice(append(bytes.Clone(rest), make([]byte, size-len(rest))...))
	p := netip.PrefixFrom(addr, source)
	return p, p.Masked() == p
}

// askSubnet asks with an ECS option, and gives the response and its option's data.
func askSubnet(t *testing.T, r *Responder, v *View, name string, option []byte) (*dns.Msg, []byte) {
	t.Helper()
	o := opt(0, 0, "")
	o = append(binary.BigEndian.AppendUint16(o[:9], uint16(4+len(option))), subnetOption(option)...)
	b := r.Respond(v, nil, &Request{Packet: message(0, 1, 0, 0, 1, question(name, dns.TypeA), o), Client: resolver, Rand: 1 << 62})
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("option %x: %v: %x", option, err, b)
	}
	o = subnetOption(option)
	if m.IsEdns0() == nil || len(m.IsEdns0().Option) != 1 || len(b) < len(o) || !bytes.Equal(b[len(b)-len(o):][:4], o[:4]) {
		return m, nil
	}
	return m, b[len(b)-len(option):] // it is the last of the last record
}

// FuzzECS sends any octets as an ECS option (D-70 to D-73): FORMERR exactly where
// the option is malformed; otherwise it comes back as it was, with a SCOPE within
// the family, and everybody in the prefix of SCOPE gets the same answer.
func FuzzECS(f *testing.F) {
	v := steeredView(f)
	names := []string{"www.example.test", "example.test", "ext.example.test", "x.wild.example.test", "ns1.example.test", "none.example.test"}
	for i, data := range [][]byte{
		{0, 1, 24, 0, 91, 10, 0}, {0, 1, 32, 0, 8, 8, 8, 8}, {0, 1, 0, 0}, {0, 0, 0, 0}, {0, 1, 24, 0, 10, 0, 0}, {0, 1, 20, 0, 91, 10, 16}, {0, 1, 20, 0, 91, 10, 24},
		{0, 2, 56, 0, 0x20, 3, 0, 0, 0x12, 0x34, 0}, {0, 2, 0, 0}, {0, 3, 0, 0}, {0, 1, 33, 0, 1, 2, 3, 4, 0}, {0, 1, 24, 24, 1, 2, 3}, {0, 1, 24}, {},
		{0, 2, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 8, 8, 8, 8}, {0, 2, 48, 0, 0x20, 2, 8, 8, 8, 8}, {0, 1, 1, 0, 0x80},
	} {
		f.Add(data, uint8(i))
	}
	r := newResponder()
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		if len(data) > 64 {
			return
		}
		name := names[int(which)%len(names)]
		m, back := askSubnet(t, r, v, name, data)
		prefix, ok := wellFormed(data)
		if !ok {
			if m.Rcode != dns.RcodeFormatError || back != nil || len(m.Answer) > 0 {
				t.Fatalf("%x is malformed, and answered\n%v", data, m)
			}
			return
		}
		if m.Rcode == dns.RcodeFormatError || back == nil || !bytes.Equal(back[:3], data[:3]) || !bytes.Equal(back[4:], data[4:]) {
			t.Fatalf("%x is well formed, and answered with %x\n%v", data, back, m)
		}
		scope := int(back[3])
		if source := int(data[2]); source == 0 && scope != 0 || len(m.Answer) == 0 && scope != 0 || prefix.IsValid() && scope > prefix.Addr().BitLen() {
			t.Fatalf("%x has scope %d\n%v", data, scope, m)
		} else if scope == 0 || scope >= source {
			return
		}
		wide := netip.PrefixFrom(prefix.Addr(), scope).Masked()
		again := append([]byte{data[0], data[1], byte(scope), 0}, wide.Addr().AsSlice()[:(scope+7)/8]...)
		w, _ := askSubnet(t, r, v, name, again)
		if text(w.Answer) != text(m.Answer) {
			t.Fatalf("%v has scope %d and is answered %s; %v is answered %s", prefix, scope, text(m.Answer), wide, text(w.Answer))
		}
	})
}
