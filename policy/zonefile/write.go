package zonefile

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	maxColumn = 32       // owners longer than this push their line's columns to the right
	wrapAt    = 100      // data longer than this is broken over lines at its fields
	longField = 32 << 10 // a field longer than this goes into hex, which can be broken anywhere
)

// Write exports the zone as a master file that Parse reads back to the
// identical zone: same names, TTLs and octets. Equal zones give equal files:
// $ORIGIN and $TTL (the zone's most frequent TTL, the smaller of two), the SOA,
// then the names in canonical order (RFC 4034 section 6.1). Data that its type
// forbids is refused with a *policy.Error of kind Invalid; other errors are the
// writer's.
func Write(w io.Writer, z *policy.Zone) error {
	x := exporter{w: bufio.NewWriter(w), apex: z.Name}
	ttls := map[uint32]int{}
	x.width = 1
	for key, o := range z.Owners.All {
		for _, set := range o.RRsets {
			ttls[set.TTL] += len(set.Data)
		}
		if n := len(x.relative(nameOf(key))); n <= maxColumn && len(o.RRsets) > 0 {
			x.width = max(x.width, n)
		}
	}
	for ttl, n := range ttls {
		if best := ttls[x.ttl]; n > best || n == best && ttl < x.ttl {
			x.ttl = ttl
		}
	}
	fmt.Fprintf(x.w, "$ORIGIN %s\n$TTL %d\n", z.Name.FQDN(), x.ttl)
	if soa := z.SOA(); soa != nil {
		if err := x.set(z.Name, *soa); err != nil {
			return err
		}
	}
	for key, o := range z.Owners.All {
		name := nameOf(key)
		for _, set := range o.RRsets {
			if name == z.Name && set.Type == policy.TypeSOA {
				continue
			}
			if err := x.set(name, set); err != nil {
				return err
			}
		}
	}
	return x.w.Flush()
}

// exporter is the state of writing one zone.
type exporter struct {
	w     *bufio.Writer // keeps the first error until Flush
	apex  policy.Name
	ttl   uint32
	width int         // of the owners' column
	owner policy.Name // of the line before
}

// relative is a name of the zone as it stands below $ORIGIN.
func (x *exporter) relative(name policy.Name) string {
	if name == x.apex {
		return "@"
	}
	return (name[:len(name)-len(x.apex)] + policy.Root).String()
}

func (x *exporter) set(name policy.Name, set policy.RRset) error {
	for _, d := range set.Data {
		owner, ttl := "", ""
		if name != x.owner {
			owner = x.relative(name)
		}
		if set.TTL != x.ttl {
			ttl = strconv.FormatUint(uint64(set.TTL), 10)
		}
		x.owner = name
		text, err := x.data(set.Type, d)
		if err != nil {
			return fmt.Errorf("%s %s: %w", name, TypeString(set.Type), err)
		}
		fmt.Fprintf(x.w, "%-*s %-6s IN %-6s %s\n", x.width, owner, ttl, TypeString(set.Type), text)
	}
	return nil
}

// data is the text of an RDATA, broken over lines where it is long.
func (x *exporter) data(typ uint16, d []byte) (string, error) {
	text, err := FormatRData(typ, d)
	if err != nil {
		return "", err
	}
	if typ == policy.TypeSOA {
		return x.soa(d), nil
	}
	if len(text) <= wrapAt {
		return text, nil
	}
	fields, ok := fieldsOf(text)
	if !ok || strings.HasPrefix(text, `\# `) {
		fields = hexFields(d)
	}
	var b strings.Builder
	b.WriteByte('(')
	column := wrapAt
	for _, f := range fields {
		if column+1+len(f) > wrapAt {
			b.WriteString("\n" + strings.Repeat(" ", x.width+8))
			column = x.width + 8
		}
		b.WriteString(" " + f)
		column += 1 + len(f)
	}
	b.WriteString(" )")
	return b.String(), nil
}

func (x *exporter) soa(d []byte) string {
	names, numbers := soaText(d)
	var b strings.Builder
	b.WriteString(strings.Join(names, " ") + " (")
	for i, what := range []string{"serial", "refresh", "retry", "expire", "minimum"} {
		fmt.Fprintf(&b, "\n%s %-10s ; %s", strings.Repeat(" ", x.width+8), numbers[i], what)
	}
	return b.String() + "\n" + strings.Repeat(" ", x.width+8) + " )" // not behind the comment
}

// fieldsOf cuts the text of an RDATA where white space may become a line end;
// false if a field is too long for a line.
func fieldsOf(text string) ([]string, bool) {
	var fields []string
	for i := 0; i < len(text); {
		if isSpace(text[i]) {
			i++
			continue
		}
		start := i
		for i < len(text) && !isSpace(text[i]) {
			_, n, f := word(text, i) // a word, or a string that a word such as key= runs into
			if f != nil || n == 0 {
				return nil, false
			}
			i += n
		}
		if i-start > longField {
			return nil, false
		}
		fields = append(fields, text[start:i])
	}
	return fields, true
}

func hexFields(d []byte) []string {
	fields := []string{`\#`, strconv.Itoa(len(d))}
	for len(d) > 0 {
		n := min(32, len(d))
		fields = append(fields, fmt.Sprintf("%x", d[:n]))
		d = d[n:]
	}
	return fields
}
