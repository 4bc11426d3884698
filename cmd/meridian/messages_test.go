package main

import (
	"bytes"
	be "encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// packet is a message by hand: flags, the four counts, and what follows.
func handmade(flags uint16, qd, an, ns, ar int, parts ...[]byte) []byte {
	b := []byte{0, 0}
	for _, v := range []uint16{flags, uint16(qd), uint16(an), uint16(ns), uint16(ar)} {
		b = be.BigEndian.AppendUint16(b, v)
	}
	return append(b, bytes.Join(parts, nil)...)
}

func ask(name string, typ, class uint16) []byte {
	b := make([]byte, 300)
	n, err := dns.PackDomainName(name, b, 0, nil, false)
	if err != nil {
		panic(err)
	}
	return be.BigEndian.AppendUint16(be.BigEndian.AppendUint16(b[:n], typ), class)
}

// edns is an OPT record with a version, flags, and options in hexadecimal.
func edns(version uint8, flags uint16, options string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	if err != nil {
		panic(err)
	}
	b := be.BigEndian.AppendUint16([]byte{0, 0, 41, 4, 208, 0, version}, flags)
	return append(be.BigEndian.AppendUint16(b, uint16(len(data))), data...)
}

var messageZone = zoneText{"msg.test", `$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ TXT "here"
ns A 192.0.2.53
`}

var (
	askSOA = ask("msg.test.", dns.TypeSOA, 1)
	askA   = ask("ns.msg.test.", dns.TypeA, 1)
)

// messages are D-01 to D-38: what BIND, NSD and Knot DNS are asked as well. Where
// the three do not agree, or Meridian differs from them, own says what it does
// and why; the same is in docs/conformance.md.
var messages = []struct {
	id     string
	packet []byte
	own    string
	why    string
}{
	{"D-01 SOA", handmade(0, 1, 0, 0, 0, askSOA), "", ""},
	{"D-02 type 1000", handmade(0, 1, 0, 0, 0, ask("msg.test.", 1000, 1)), "", ""},
	{"D-03 CD", handmade(0x10, 1, 0, 0, 0, askSOA), "", ""},
	{"D-04 AD", handmade(0x20, 1, 0, 0, 0, askSOA), "", ""},
	{"D-05 Z", handmade(0x40, 1, 0, 0, 0, askSOA), "", ""},
	{"D-06 RD", handmade(0x100, 1, 0, 0, 0, askSOA), "", ""},
	{"D-07 opcode 15", handmade(15<<11, 0, 0, 0, 0), "", ""},
	{"D-09 EDNS", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0, "")), "", ""},
	{"D-10 EDNS 1", handmade(0, 1, 0, 0, 1, askSOA, edns(1, 0, "")), "", ""},
	{"D-11 unknown option", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0, "0064 0000")), "", ""},
	{"D-12 unknown EDNS flag", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0x40, "")), "", ""},
	{"D-13 EDNS 1, unknown flag", handmade(0, 1, 0, 0, 1, askSOA, edns(1, 0x40, "")), "", ""},
	{"D-14 EDNS 1, unknown option", handmade(0, 1, 0, 0, 1, askSOA, edns(1, 0, "0064 0000")), "", ""},
	{"D-16 DO", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0x8000, "")), "", ""},
	{"D-17 EDNS 1, DO", handmade(0, 1, 0, 0, 1, askSOA, edns(1, 0x8000, "")), "", ""},
	{"D-20 a response", handmade(0x8000, 1, 0, 0, 0, askSOA), "", ""},
	{"D-20 11 octets", make([]byte, 11), "", ""},
	{"D-21 a question promised", handmade(0, 1, 0, 0, 0), "", ""},
	{"D-22 two questions", handmade(0, 2, 0, 0, 0, askSOA, askA), "", ""},
	{"D-23 no question", handmade(0, 0, 0, 0, 0), "", ""},
	{"D-24 two OPTs", handmade(0, 1, 0, 0, 2, askSOA, edns(0, 0, ""), edns(0, 0, "")), "", ""},
	{"D-24 OPT with a name", handmade(0, 1, 0, 0, 1, askSOA, []byte("\x01a"), edns(0, 0, "")), "", ""},
	{"D-24 option beyond RDLENGTH", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0, "0064 0010 01")), "", ""},
	{"D-25 pointer to itself", handmade(0, 1, 0, 0, 0, []byte{0xc0, 12, 0, 1, 0, 1}), "", ""},
	{"D-25 label type 01", handmade(0, 1, 0, 0, 0, []byte{0x41, 'a', 0, 0, 1, 0, 1}), "", ""},
	{"D-25 name of 257 octets", handmade(0, 1, 0, 0, 0, bytes.Repeat([]byte("\x01a"), 128), []byte{0, 0, 1, 0, 1}), "", ""},
	{"D-25 name cut off", handmade(0, 1, 0, 0, 0, []byte("\x03msg\x04te")), "", ""},
	{"D-26 octets after the message", handmade(0, 1, 0, 0, 0, askSOA, []byte("after")), "", ""},
	{"D-27 NOTIFY", handmade(4<<11, 1, 0, 0, 0, askSOA), "REFUSED", "no two agree; a primary takes no NOTIFY"},
	{"D-28 UPDATE", handmade(5<<11, 1, 0, 0, 0, askSOA), "REFUSED", "no two agree"},
	{"D-28 STATUS", handmade(2<<11, 1, 0, 0, 0, askSOA), "", ""},
	{"D-28 IQUERY", handmade(1<<11, 0, 0, 0, 0), "", ""},
	{"D-28 DSO", handmade(6<<11, 0, 0, 0, 0), "", ""},
	{"D-29 class CH", handmade(0, 1, 0, 0, 0, ask("other.name.", dns.TypeTXT, 3)), "", ""},
	{"D-29 class HS", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeTXT, 4)), "", ""},
	{"D-29 class ANY", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeSOA, 255)), "REFUSED", "no two agree"},
	{"D-29 class NONE", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeSOA, 254)), "", ""},
	{"D-29 class 0", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeSOA, 0)), "", ""},
	{"D-30 TC and an RCODE", handmade(0x020f, 1, 0, 0, 0, askSOA), "", ""},
	{"D-30 AA and RA", handmade(0x0480, 1, 0, 0, 0, askSOA), "", ""},
	{"D-31 OPT", handmade(0, 1, 0, 0, 0, ask("msg.test.", 41, 1)), "FORMERR", "as BIND: a meta type is no question"},
	{"D-31 TSIG", handmade(0, 1, 0, 0, 0, ask("msg.test.", 250, 1)), "FORMERR", "as BIND: a meta type is no question"},
	{"D-31 TKEY", handmade(0, 1, 0, 0, 0, ask("msg.test.", 249, 1)), "FORMERR", "as BIND: a meta type is no question"},
	{"D-31 NXNAME", handmade(0, 1, 0, 0, 0, ask("msg.test.", 128, 1)), "FORMERR", "as BIND (RFC 9824 section 3.5)"},
	{"D-31 MAILA", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeMAILA, 1)), "NOTIMP", "as BIND: obsolete"},
	{"D-31 MAILB", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeMAILB, 1)), "NOTIMP", "as BIND: obsolete"},
	{"D-31 type 0", handmade(0, 1, 0, 0, 0, ask("msg.test.", 0, 1)), "", ""},
	{"D-31 type 65535", handmade(0, 1, 0, 0, 0, ask("msg.test.", 65535, 1)), "", ""},
	{"D-34 elsewhere", handmade(0, 1, 0, 0, 0, ask("www.example.org.", dns.TypeA, 1)), "", ""},
	{"D-34 elsewhere, EDNS", handmade(0, 1, 0, 0, 1, ask("www.example.org.", dns.TypeA, 1), edns(0, 0, "")), "", ""},
	{"D-34 the root", handmade(0, 1, 0, 0, 0, ask(".", dns.TypeNS, 1)), "", ""},
	{"D-36 AXFR over UDP", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeAXFR, 1)), "REFUSED", "as BIND: it is not only UDP that has none"},
	{"D-37 ANY", handmade(0, 1, 0, 0, 0, ask("msg.test.", dns.TypeANY, 1)), "", ""},
	{"D-38 NXDOMAIN", handmade(0, 1, 0, 0, 0, ask("none.msg.test.", dns.TypeA, 1)), "", ""},
	{"record in the answer section", handmade(0, 1, 1, 0, 0, askSOA, []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}), "", ""},
	{"record in the authority section", handmade(0, 1, 0, 1, 0, askSOA, []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}), "", ""},
	{"record in the additional section", handmade(0, 1, 0, 0, 1, askSOA, []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4}), "", ""},
	{"EDNS size 0", handmade(0, 1, 0, 0, 1, askSOA, []byte{0, 0, 41, 0, 0, 0, 0, 0, 0, 0, 0}), "", ""},
	{"EDNS option of no octets cut off", handmade(0, 1, 0, 0, 1, askSOA, edns(0, 0, "0064")), "", ""},
}

// outline is a response as messages compare it.
func outline(b []byte) string {
	if b == nil {
		return "no response"
	}
	if len(b) == 12 { // the same error, with the question or without
		return dns.RcodeToString[int(b[3]&15)]
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		return "does not parse: " + err.Error()
	}
	text := dns.RcodeToString[m.Rcode]
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"}, {m.Zero, "z"}, {m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"}} {
		if f.set {
			text += " " + f.name
		}
	}
	if m.Rcode == dns.RcodeSuccess || len(m.Answer)+len(m.Ns) > 0 {
		text += fmt.Sprintf(", %d/%d/%d", len(m.Question), len(m.Answer), len(m.Ns))
	}
	if o := m.IsEdns0(); o != nil {
		text += fmt.Sprintf(", EDNS %d", o.Version())
		if o.Do() {
			text += " do"
		}
		if flags := o.Hdr.Ttl & 0x7fff; flags != 0 {
			text += fmt.Sprintf(" flags %x", flags)
		}
		for _, option := range o.Option {
			if option.Option() != dns.EDNS0EDE {
				text += fmt.Sprintf(" option %d", option.Option())
			}
		}
	}
	return text
}

func TestMessages(t *testing.T) {
	peers := startPeers(t, []zoneText{messageZone})
	c := single(t)
	c.must(c.putZone(messageZone))
	servers := append([]peer{{"meridian", c.nodes[0].dns}}, peers...)
	for _, m := range messages {
		got := make([]string, len(servers))
		count := map[string]int{}
		for i, s := range servers {
			if got[i] = outline(once(t, s.addr, m.packet)); i > 0 {
				count[got[i]]++
			}
		}
		agree := count[got[0]] >= 2
		if agree && m.own == "" || !agree && got[0] == m.own {
			continue
		}
		t.Errorf("%s (expected of Meridian alone: %q %s)\n  meridian %s\n  named    %s\n  nsd      %s\n  knotd    %s", m.id, m.own, m.why, got[0], got[1], got[2], got[3])
	}
}

// once sends a packet and waits for the response, for long enough where none is due.
func once(t *testing.T, addr string, packet []byte) []byte {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	buf := make([]byte, 4096)
	for range 2 {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
		if n, err := conn.Read(buf); err == nil {
			return buf[:n]
		}
	}
	return nil
}
