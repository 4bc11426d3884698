package policy

// AnswerKind is a kind of answer that endpoints give: addresses of one family, or
// records of a type that endpoints may carry.
type AnswerKind uint8

// The kinds. Only the first two are there for a host name that is answered as a CNAME.
const (
	IPv4 AnswerKind = iota
	IPv6
	MX
	TXT
	SRV
	SVCB
	HTTPS
	AnswerKinds // how many there are
)

var answerKinds = [AnswerKinds]struct {
	name string
	typ  uint16
}{{"IPv4", TypeA}, {"IPv6", TypeAAAA}, {"MX", TypeMX}, {"TXT", TypeTXT}, {"SRV", TypeSRV}, {"SVCB", TypeSVCB}, {"HTTPS", TypeHTTPS}}

// String is "IPv4", "IPv6", or the type's name.
func (k AnswerKind) String() string {
	if k < AnswerKinds {
		return answerKinds[k].name
	}
	return "nothing"
}

// TypeName is the name of the RR type of the kind's answers: "A", "AAAA" or the type's own.
func (k AnswerKind) TypeName() string {
	switch k {
	case IPv4:
		return "A"
	case IPv6:
		return "AAAA"
	}
	return k.String()
}

// Type is the RR type of the kind's answers.
func (k AnswerKind) Type() uint16 { return answerKinds[k].typ }

// Family says whether the kind is an address family.
func (k AnswerKind) Family() bool { return k <= IPv6 }

// AnswerKindOf is the kind that a type's answers are of.
func AnswerKindOf(typ uint16) (AnswerKind, bool) {
	for k := range AnswerKinds {
		if answerKinds[k].typ == typ {
			return k, true
		}
	}
	return 0, false
}

// recordKind is the kind that a key of an endpoint's records names.
func recordKind(key string) (AnswerKind, bool) {
	for k := IPv6 + 1; k < AnswerKinds; k++ {
		if answerKinds[k].name == key {
			return k, true
		}
	}
	return 0, false
}
