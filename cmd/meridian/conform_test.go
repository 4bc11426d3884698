package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// verdict is a response as servers are compared by it: each part as text, records
// as sets, names in lower case.
type verdict struct {
	header     string // RCODE, AA, TC
	answer     string
	authority  string
	additional string // of referrals only: glue
}

func verdictOf(packet []byte) (verdict, *dns.Msg) {
	if packet == nil {
		return verdict{header: "no response"}, nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		return verdict{header: "does not parse: " + err.Error()}, nil
	}
	v := verdict{
		header:    fmt.Sprintf("%s aa=%v tc=%v", dns.RcodeToString[m.Rcode], m.Authoritative, m.Truncated),
		answer:    recordSet(m.Answer),
		authority: recordSet(m.Ns),
	}
	if m.Truncated {
		v.answer, v.authority = truncated, truncated
		return v, m
	}
	if slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeNS }) {
		v.additional = recordSet(m.Extra)
	}
	return v, m
}

// truncated stands for what is left in a truncated response, which is anybody's choice.
const truncated = "truncated"

// recordSet is records as a set, one a line; what is there twice shows.
func recordSet(list []dns.RR) string {
	var lines []string
	for _, rr := range list {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, strings.ToLower(rr.String()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// majority is what at least two of the peers agree on, part by part; a part
// where they do not is nil.
func majority(list []verdict) (parts [4]*string) {
	for i, part := range [...]func(*verdict) *string{
		func(v *verdict) *string { return &v.header },
		func(v *verdict) *string { return &v.answer },
		func(v *verdict) *string { return &v.authority },
		func(v *verdict) *string { return &v.additional },
	} {
		count := map[string]int{}
		for j := range list {
			p := part(&list[j])
			if count[*p]++; count[*p]*2 > len(list) && *p != truncated {
				parts[i] = p
			}
		}
	}
	return parts
}

// differs names the parts in which a verdict is not the majority's.
func (v *verdict) differs(parts [4]*string) (list []string) {
	own := [...]struct{ name, text string }{{"header", v.header}, {"answer", v.answer}, {"authority", v.authority}, {"glue", v.additional}}
	for i, p := range parts {
		if p != nil && *p != own[i].text {
			list = append(list, own[i].name)
		}
	}
	return list
}
