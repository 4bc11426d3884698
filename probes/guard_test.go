package probes

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGuardRefuses(t *testing.T) {
	for _, c := range []struct{ addr, is string }{
		{"0.0.0.0", "unspecified"},
		{"0.1.2.3", "this network"},
		{"10.0.0.1", "private"},
		{"100.64.0.1", "shared address space"},
		{"100.127.255.255", "shared address space"},
		{"100.100.100.200", "metadata"},
		{"127.0.0.1", "loopback"},
		{"127.255.255.255", "loopback"},
		{"168.63.129.16", "metadata"},
		{"169.254.0.1", "link-local"},
		{"169.254.169.254", "metadata"},
		{"172.16.0.1", "private"},
		{"172.31.255.255", "private"},
		{"192.0.0.192", "metadata"},
		{"192.168.1.1", "private"},
		{"198.18.0.1", "benchmarks"},
		{"224.0.0.1", "multicast"},
		{"239.255.255.255", "multicast"},
		{"240.0.0.1", "reserved"},
		{"255.255.255.255", "broadcast"},
		{"::", "unspecified"},
		{"::1", "loopback"},
		{"fc00::1", "private"},
		{"fd12:3456::1", "private"},
		{"fd00:ec2::254", "metadata"},
		{"fd20:ce::254", "metadata"},
		{"fe80::1", "link-local"},
		{"fe80::1%eth0", "link-local"},
		{"fec0::1", "site-local"},
		{"ff02::1", "multicast"},
		{"64:ff9b:1::a00:1", "local NAT64"},
		// One IPv4 address in another's clothes.
		{"::ffff:127.0.0.1", "loopback"},
		{"::ffff:169.254.169.254", "metadata"},
		{"::ffff:0a00:1", "private"},
		{"::127.0.0.1", "loopback"},                // IPv4-compatible
		{"::ffff:0:127.0.0.1", "loopback"},         // SIIT
		{"64:ff9b::127.0.0.1", "loopback"},         // NAT64
		{"64:ff9b::a9fe:a9fe", "metadata"},         // NAT64
		{"2002:7f00:1::", "loopback"},              // 6to4
		{"2002:0a00:1::1", "private"},              // 6to4
		{"2001:0:c000:0201::f5ff:fffe", "private"}, // Teredo: server 192.0.2.1, client 10.0.0.1
		{"2001:0:0a00:0001::3fff:fdfe", "private"}, // Teredo: server 10.0.0.1, client 192.0.2.1
		{"2606:4700::5efe:10.0.0.1", "private"},    // ISATAP
		{"2606:4700::200:5efe:10.0.0.1", "private"},
	} {
		err := Guard{}.Check(netip.AddrPortFrom(netip.MustParseAddr(c.addr), 80))
		var r *refusal
		if !errors.As(err, &r) || !strings.Contains(err.Error(), c.is) || !strings.Contains(err.Error(), "probing.allow") {
			t.Errorf("%s: %v, want a refusal that says %q", c.addr, err, c.is)
		}
	}
}

func TestGuardLetsThrough(t *testing.T) {
	for _, a := range []string{
		"192.0.2.1", "8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.20.0.0", "223.255.255.255",
		"2001:db8::1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:0808:0808::1", "2001:0:808:808::f7f7:f7f7",
	} {
		if err := (Guard{}).Check(netip.AddrPortFrom(netip.MustParseAddr(a), 80)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
}

func TestGuardAllow(t *testing.T) {
	for _, c := range []struct {
		allow, addr string
		refused     bool
	}{
		{"127.0.0.0/8", "127.0.0.1", false},
		{"127.0.0.0/8", "::ffff:127.0.0.1", false},
		{"127.0.0.0/8", "64:ff9b::7f00:1", false},
		{"127.0.0.0/8", "10.0.0.1", true},
		{"127.0.0.0/8", "::1", true},
		{"10.1.0.0/16", "10.2.0.1", true},
		{"fd00::/8", "fd12::1", false},
		{"fd00::/8", "fd00:ec2::254", true}, // a metadata address must be listed alone
		{"0.0.0.0/0", "169.254.169.254", true},
		{"169.254.169.254/32", "169.254.169.254", false},
		{"0.0.0.0/0", "192.168.0.1", false},
		{"64:ff9b:1::/48", "64:ff9b:1::1", false},
		{"2002:7f00:1::/48", "2002:7f00:1::1", false},
	} {
		g := Guard{Allow: []netip.Prefix{netip.MustParsePrefix(c.allow)}}
		if err := g.Check(netip.AddrPortFrom(netip.MustParseAddr(c.addr), 80)); (err != nil) != c.refused {
			t.Errorf("%s with %s allowed: %v", c.addr, c.allow, err)
		}
	}
}

func TestGuardOwnListeners(t *testing.T) {
	g := Guard{
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Own:   []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:8080"), netip.MustParseAddrPort("[::]:53"), netip.MustParseAddrPort("203.0.113.9:7300")},
	}
	for addr, refused := range map[string]bool{
		"127.0.0.1:8080": true, "127.0.0.1:8081": false, "127.0.0.2:8080": false, "[::ffff:127.0.0.1]:8080": true,
		"127.0.0.2:53": true, "[::1]:53": true, "203.0.113.9:7300": true, "203.0.113.9:80": false, "203.0.113.8:7300": false,
	} {
		if err := g.Check(netip.MustParseAddrPort(addr)); (err != nil) != refused {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

// Whatever form carries an IPv4 address, it is judged as the address itself is.
func TestGuardSeesThroughForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var four [4]byte
		for i := range four {
			four[i] = rapid.Byte().Draw(t, "octet")
		}
		v4 := netip.AddrFrom4(four)
		plain := Guard{}.Check(netip.AddrPortFrom(v4, 80)) != nil
		forms := map[string]func(b *[16]byte){
			"mapped": func(b *[16]byte) { b[10], b[11] = 0xff, 0xff; copy(b[12:], four[:]) },
			"NAT64":  func(b *[16]byte) { copy(b[:], []byte{0, 0x64, 0xff, 0x9b}); copy(b[12:], four[:]) },
			"6to4":   func(b *[16]byte) { b[0], b[1] = 0x20, 0x02; copy(b[2:], four[:]) },
			"Teredo": func(b *[16]byte) {
				copy(b[:], []byte{0x20, 0x01, 0, 0, 192, 0, 2, 1})
				for i, o := range four {
					b[12+i] = ^o
				}
			},
		}
		for name, form := range forms {
			var b [16]byte
			form(&b)
			if got := (Guard{}).Check(netip.AddrPortFrom(netip.AddrFrom16(b), 80)) != nil; got != plain {
				t.Fatalf("%v as %s %v: refused is %v, plain it is %v", v4, name, netip.AddrFrom16(b), got, plain)
			}
		}
	})
}
