package zonefile

import (
	"strings"
	"testing"
)

// The wanted records are what BIND 9.18 makes of the same lines, except where
// the name says that BIND refuses them.
func TestGenerate(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"both sides", "$GENERATE 1-2 t$ A 192.0.2.$", "t1.example.com 3600 A 192.0.2.1|t2.example.com 3600 A 192.0.2.2"},
		{"step", "$GENERATE 1-10/4 t$ A 192.0.2.$", "t1.example.com 3600 A 192.0.2.1|t5.example.com 3600 A 192.0.2.5|t9.example.com 3600 A 192.0.2.9"},
		{"TTL and class", "$GENERATE 1-1 t$ 600 IN A 192.0.2.$\n$GENERATE 2-2 t$ IN 600 A 192.0.2.$ ; c", "t1.example.com 600 A 192.0.2.1|t2.example.com 600 A 192.0.2.2"},
		{"$TTL holds", "$TTL 7\n$GENERATE 1-1 t$ A 192.0.2.$", "t1.example.com 7 A 192.0.2.1"},
		{"$ORIGIN holds", "$ORIGIN sub\n$GENERATE 1-1 t$ CNAME x$", "t1.sub.example.com 3600 CNAME x1.sub.example.com."},
		{"offset, width, hex", "$GENERATE 1-1 t${10,4,x} A 192.0.2.$\n$GENERATE 10-10 u${0,0,X} A 192.0.2.$", "t000b.example.com 3600 A 192.0.2.1|ua.example.com 3600 A 192.0.2.10"},
		{"octal", "$GENERATE 8-8 t${0,3,o} A 192.0.2.$", "t010.example.com 3600 A 192.0.2.8"},
		{"negative offset", "$GENERATE 1-1 t${-2} A 192.0.2.$", "t-1.example.com 3600 A 192.0.2.1"},
		{"nibbles", "$GENERATE 250-250 ${0,2,n} PTR a.\n$GENERATE 250-250 ${0,5,N} PTR a.", "a.f.0.example.com 3600 PTR a.|a.f.example.com 3600 PTR a."},
		{"dollars", "$GENERATE 1-1 t$$ A 192.0.2.$\n$GENERATE 2-2 u\\$x$ A 192.0.2.$", "t\\$.example.com 3600 A 192.0.2.1|u\\$x2.example.com 3600 A 192.0.2.2"},
		{"quotes hold the data's text", `$GENERATE 1-1 t$ TXT "hello $"` + "\n" + `$GENERATE 2-2 t$ TXT "\"a $\" c"`, `t1.example.com 3600 TXT "hello" "1"|t2.example.com 3600 TXT "a 2" "c"`},
		{"quoted MX", `$GENERATE 1-1 t$ MX "10 m$"`, `t1.example.com 3600 MX 10 m1.example.com.`},
		{"several fields, which BIND refuses", `$GENERATE 1-1 t$ MX 10 m$`, `t1.example.com 3600 MX 10 m1.example.com.`},
		{"the apex", "$GENERATE 1-2 @ TXT a$", `example.com 3600 TXT "a1"|example.com 3600 TXT "a2"`},
		{"lower case", "$generate 1-1 t$ a 192.0.2.$", `t1.example.com 3600 A 192.0.2.1`},
		{"the last owner stays", "w A 192.0.2.9\n$GENERATE 1-1 t$ A 192.0.2.$\n  TXT x", `t1.example.com 3600 A 192.0.2.1|w.example.com 3600 A 192.0.2.9|w.example.com 3600 TXT "x"`},
		{"the largest number", "$GENERATE 2147483647-2147483647 t$ A 192.0.2.1", `t2147483647.example.com 3600 A 192.0.2.1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z, _ := parse(t, headText+tt.in+"\n")
			if got := strings.Join(text(t, z), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestGenerateBad(t *testing.T) {
	const badRange = `z:7:11: bad $GENERATE range %: start-stop or start-stop/step is needed, start no larger than stop, all up to 2147483647`
	const badModifier = `z:7:15: bad $GENERATE modifier %: ${offset,width,base} is needed, width up to 255, base one of d o x X n N`
	tests := []struct{ in, want string }{
		{"$GENERATE", "z:7:1: $GENERATE needs a range, an owner, a type and data"},
		{"$GENERATE 1-2 t$ A", "z:7:1: $GENERATE needs a range, an owner, a type and data"},
		{"$GENERATE 5-2 t$ A 192.0.2.$", strings.Replace(badRange, "%", `"5-2"`, 1)},
		{"$GENERATE 1-2/0 t$ A 192.0.2.$", strings.Replace(badRange, "%", `"1-2/0"`, 1)},
		{"$GENERATE 1-2/ t$ A 192.0.2.$", strings.Replace(badRange, "%", `"1-2/"`, 1)},
		{"$GENERATE -1-2 t$ A 192.0.2.$", strings.Replace(badRange, "%", `"-1-2"`, 1)},
		{"$GENERATE 5 t$ A 192.0.2.$", strings.Replace(badRange, "%", `"5"`, 1)},
		{"$GENERATE 1-2 ${0,3 A 192.0.2.$", strings.Replace(badModifier, "%", `"${0,3"`, 1)},
		{"$GENERATE 1-2 ${0,3,q} A 192.0.2.$", strings.Replace(badModifier, "%", `"${0,3,q}"`, 1)},
		{"$GENERATE 1-2 ${0,256} A 192.0.2.$", strings.Replace(badModifier, "%", `"${0,256}"`, 1)},
		{"$GENERATE 1-2 ${} A 192.0.2.$", strings.Replace(badModifier, "%", `"${}"`, 1)},
		{"$GENERATE 1-2 ${0,1,d,d} A 192.0.2.$", strings.Replace(badModifier, "%", `"${0,1,d,d}"`, 1)},
		{"$GENERATE 1-2 ${-9,1,x} A 192.0.2.$", "z:7:15: the offset makes -8, which has no form in base x (made by $GENERATE for 1)"},
		{"$GENERATE 254-300 t$ A 192.0.2.$", `z:7:24: bad address "192.0.2.256": the A record needs an IPv4 address like 192.0.2.1 (made by $GENERATE for 256)`},
		{"$GENERATE 1-2 t$ FOO x", `z:7:18: unknown record type "FOO"; write TYPE and its number for one without a name (made by $GENERATE for 1)`},
		{"$GENERATE 1-2 t$ TXT \"\"", `z:7: the TXT record has no data (made by $GENERATE for 1)`},
		{"$GENERATE 1-2 t$ TXT \"(a\"", `z:7:22: this parenthesis is never closed (made by $GENERATE for 1)`},
		{"$GENERATE 1-2 \"t$\" A 192.0.2.1", `z:7:15: an owner stands without quotes (made by $GENERATE for 1)`},
		{"$GENERATE 1-2 t$.org. A 192.0.2.$", `z:7: t1.org is outside of the zone example.com; leave it out, or end relative names without a dot|z:7: t2.org is outside of the zone example.com; leave it out, or end relative names without a dot`},
	}
	for _, tt := range tests {
		_, _, err := Parse(strings.NewReader(headText+tt.in+"\n"), example, "z", Limits{})
		if err == nil {
			t.Errorf("%s: accepted", tt.in)
		} else if got := strings.Join(problemsOf(t, err), "|"); got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.in, got, tt.want)
		}
	}
}
