package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// place is a row of geo.csv.
type place struct{ net, client netip.Prefix }

// geoOf makes geographic data of geo.csv, by way of the files that operators have.
func geoOf(t *testing.T, text string) (map[string]place, *geo.Table) {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal("geo.csv:", err)
	}
	places := map[string]place{}
	write := func(kind string, record func(row []string) mmdbtype.Map) []byte {
		w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, DisableIPv4Aliasing: true, IncludeReservedNetworks: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			p := netip.MustParsePrefix(row[1])
			if err := w.Insert(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, record(row)); err != nil {
				t.Fatal("geo.csv:", err)
			}
			client := p.Addr().AsSlice() // in the third /24 or /48 of it
			bits := map[int]int{4: 24, 16: 48}[len(client)]
			client[bits/8-1] += 2
			a, _ := netip.AddrFromSlice(client)
			places[row[0]] = place{p, netip.PrefixFrom(a, max(bits, p.Bits()))}
		}
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	number := func(text string) float64 {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal("geo.csv:", err)
		}
		return f
	}
	city := write("GeoLite2-City", func(row []string) mmdbtype.Map {
		m := mmdbtype.Map{"location": mmdbtype.Map{"latitude": mmdbtype.Float64(number(row[4])), "longitude": mmdbtype.Float64(number(row[5]))}}
		if row[2] != "" {
			m["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(row[2])}
		}
		if row[3] != "" {
			m["subdivisions"] = mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.String(row[3])}}
		}
		return m
	})
	table, err := geo.Load(city, "geo.csv")
	if err != nil {
		t.Fatal(err)
	}
	asns, err := geo.LoadASN("geo.csv", write("GeoLite2-ASN", func(row []string) mmdbtype.Map {
		return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number(row[6]))}
	}))
	if err != nil {
		t.Fatal(err)
	}
	return places, table.WithASNs(asns)
}

// loopback is a DNS server on the loopback, and a client of it.
type loopback struct {
	*dnsserver.Server
	conn *dns.Conn
}

func newLoopback(t *testing.T) *loopback {
	t.Helper()
	config := dnsserver.Config{Listen: []string{"127.0.0.1:0"}, ReadBuffer: 64 << 10}
	sockets, err := dnsserver.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	server, err := dnsserver.New(config, sockets, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	conn, err := dns.Dial("udp", server.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &loopback{server, conn}
}
