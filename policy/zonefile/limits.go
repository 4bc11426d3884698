package zonefile

// The limits that a zero field of Limits stands for.
const (
	DefaultBytes     = 256 << 20
	DefaultRecords   = 2_000_000
	DefaultLineBytes = 64 << 10
	DefaultGenerate  = 65_536
)

// maxEntry bounds the text of one record over all its lines, in octets.
// 65,535 octets of RDATA, all written as \DDD, are half of it.
const maxEntry = 512 << 10

// maxProblems is how many mistakes (and how many warnings) are listed; further
// mistakes end the reading.
const maxProblems = 100

// Limits bounds what Parse takes in, so that a hostile upload costs little. A
// field that is zero or negative means its default.
type Limits struct {
	Bytes     int64 // of the file, and of the text made by $GENERATE; default 256 MiB
	Records   int   // records, duplicates included; default 2,000,000
	LineBytes int   // of one line without its end; default 64 KiB
	Generate  int   // records made by all $GENERATE of the file together; default 65,536
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = DefaultBytes
	}
	if l.Records <= 0 {
		l.Records = DefaultRecords
	}
	if l.LineBytes <= 0 {
		l.LineBytes = DefaultLineBytes
	}
	if l.Generate <= 0 {
		l.Generate = DefaultGenerate
	}
	return l
}
