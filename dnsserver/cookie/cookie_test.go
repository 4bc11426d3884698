package cookie

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func key(t testing.TB, text string) Key { return Key(unhex(t, text)) }

// RFC 9018 appendix A.
func TestVectors(t *testing.T) {
	const secret = "e5e973e5a6b2a43f48e7dc849e37bfcf"
	old := key(t, "dd3bdf9344b678b185a6f5cb60fca715")
	for _, c := range []struct {
		id, client string
		keys       *Keys
		asked      string
		now        uint32
		good       bool
		reply      string
	}{
		{"A.1", "198.51.100.100", NewKeys(key(t, secret)), "2464c4abcf10c957", 1559731985, false, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2", "198.51.100.100", NewKeys(key(t, secret)), "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, true, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		// The RFC's reply comes 1 h 52 min after the cookie was made, beyond the hour of its own section 4.3.
		{"A.3", "203.0.113.203", NewKeys(key(t, secret)), "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559734700, false, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
		// Within that, the cookie with its reserved bits set is good, and goes back as it is.
		{"A.3 early", "203.0.113.203", NewKeys(key(t, secret)), "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985 + 60, true, "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5"},
		{"A.4", "2001:db8:220:1:59de:d0f4:8769:82b8", NewKeys(key(t, "445536bcd2513298075a5d379663c962"), old),
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, true, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
		{"A.4 without the old secret", "2001:db8:220:1:59de:d0f4:8769:82b8", NewKeys(key(t, "445536bcd2513298075a5d379663c962")),
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, false, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		var reply [Size]byte
		good := c.keys.Answer(&reply, unhex(t, c.asked), netip.MustParseAddr(c.client), c.now)
		if good != c.good || hex.EncodeToString(reply[:]) != c.reply {
			t.Errorf("%s: good %v, reply %x", c.id, good, reply)
		}
	}
}

// From an hour after to five minutes before its time a cookie is good, also
// where the 32 bits of the timestamp run over; from half an hour on it is replaced.
func TestAge(t *testing.T) {
	k, client, asked := NewKeys(Key{1}), netip.MustParseAddr("192.0.2.1"), []byte("12345678")
	for _, made := range []uint32{1_800_000_000, 5, 0, 1<<32 - 1, 1<<32 - 1000, 1<<31 - 1, 1 << 31} {
		var first [Size]byte
		if k.Answer(&first, asked, client, made) {
			t.Error("a client's cookie alone is good")
		}
		for _, c := range []struct {
			after         int32
			good, renewed bool
		}{
			{0, true, false}, {1800, true, false}, {1801, true, true}, {3600, true, true}, {3601, false, true}, {1 << 30, false, true},
			{-1, true, false}, {-300, true, false}, {-301, false, true}, {-(1 << 30), false, true},
		} {
			var second, again [Size]byte
			now := made + uint32(c.after)
			if good := k.Answer(&second, first[:], client, now); good != c.good || (second != first) != c.renewed {
				t.Errorf("made at %d, %d s later: good %v, renewed %v", made, c.after, good, second != first)
			}
			if good := k.Answer(&again, second[:], client, now); !good {
				t.Errorf("made at %d, %d s later: the reply itself is not good", made, c.after)
			}
		}
	}
}

// Each octet of a cookie counts, and the address; other lengths and versions are never good.
func TestForged(t *testing.T) {
	k, client := NewKeys(Key{1}, Key{2}), netip.MustParseAddr("2001:db8::1")
	var reply, other [Size]byte
	k.Answer(&reply, []byte("12345678"), client, 1000)
	for i := range reply {
		forged := reply
		forged[i] ^= 1
		if k.Answer(&other, forged[:], client, 1000) {
			t.Errorf("octet %d does not count", i)
		}
	}
	if k.Answer(&other, reply[:], netip.MustParseAddr("2001:db8::2"), 1000) {
		t.Error("the address does not count")
	}
	long := append(reply[:], 0)
	for n := ClientSize; n <= len(long); n++ {
		if good := k.Answer(&other, long[:n], client, 1000); good != (n == Size) {
			t.Errorf("%d octets: good %v", n, good)
		}
	}
}

// Two servers that take the steps of a rollover one after the other never refuse each other's cookies.
func TestRollover(t *testing.T) {
	before, after := Key{1}, Key{2}
	steps := []*Keys{NewKeys(before), NewKeys(before, after), NewKeys(after, before), NewKeys(after)}
	client, asked := netip.MustParseAddr("192.0.2.1"), []byte("12345678")
	for i := range len(steps) - 1 {
		for _, pair := range [][2]*Keys{{steps[i], steps[i+1]}, {steps[i+1], steps[i]}} {
			var reply, second [Size]byte
			pair[0].Answer(&reply, asked, client, 1000)
			if !pair[1].Answer(&second, reply[:], client, 1001) {
				t.Errorf("between steps %d and %d a cookie is refused", i, i+1)
			}
		}
	}
}

func TestNoAllocation(t *testing.T) {
	k, client := NewKeys(Key{1}, Key{2}), netip.MustParseAddr("2001:db8::1")
	var reply [Size]byte
	asked := append([]byte("12345678"), make([]byte, 16)...)
	asked[8], asked[15] = 1, 1
	if n := testing.AllocsPerRun(100, func() { k.Answer(&reply, asked, client, 2) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A key is in no log line, however it is printed.
func TestPrinted(t *testing.T) {
	k := NewKeys(key(t, "e5e973e5a6b2a43f48e7dc849e37bfcf"))
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(format, k); strings.Contains(text, "e5") || strings.Contains(text, "229") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	k, client := NewKeys(Key{1}), netip.MustParseAddr("192.0.2.1")
	f.Add([]byte("12345678"), uint32(1))
	f.Add([]byte("12345678\x01\x00\x00\x00\x00\x00\x00\x01abcdefgh"), uint32(1))
	f.Fuzz(func(t *testing.T, asked []byte, now uint32) {
		if len(asked) < ClientSize {
			return
		}
		var reply, second [Size]byte
		good := k.Answer(&reply, asked, client, now)
		if good && len(asked) != Size {
			t.Errorf("good with %d octets", len(asked))
		}
		if string(reply[:ClientSize]) != string(asked[:ClientSize]) {
			t.Errorf("the client's cookie came back as %x", reply)
		}
		if !k.Answer(&second, reply[:], client, now) {
			t.Errorf("the reply %x is not good itself", reply)
		}
	})
}
