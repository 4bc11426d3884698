package policy

import (
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds on the text in monitors, in octets.
const (
	maxPattern = 512
	maxText    = 4096
	maxName    = 255
)

func (m *Monitor) validateKind(at string, p *Problems) {
	set := m.kinds()
	for _, k := range set {
		k.spec.validate(at+"/"+k.key, k.key, p)
	}
	if len(set) != 1 {
		p.Add(at, "a monitor is exactly one of http, https, tcp, tls, icmp, dns, grpc, udp, postgres, mysql, redis, exec and signal; this one is %d of them", len(set))
	}
	d := m.WithDefaults()
	for _, k := range set {
		if c, ok := k.spec.(*HTTPCheck); ok && c.MaxLatency > d.Timeout {
			p.Add(at+"/"+k.key+"/maxLatency", "the maxLatency of %v is longer than the timeout of %v, which ends the probe", c.MaxLatency, d.Timeout)
		}
	}
	for pointer, ref := range m.Secrets() {
		if err := CheckLabel(ref.Secret); err != nil {
			p.Add(at+pointer, "%v", err)
		}
	}
}

// portOr checks a port that has a default.
func portOr(p *Problems, at string, n int) {
	if n != 0 {
		port(p, at+"/port", n)
	}
}

// line checks a text that ends up in one line of a protocol.
func line(p *Problems, at, what, s string, most int) {
	if len(s) > most {
		p.Add(at, "%s has %d octets; %d are the most", what, len(s), most)
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		p.Add(at, "%s has a control character in it", what)
	}
}

// serverName checks an sni.
func serverName(p *Problems, at, s string) {
	line(p, at, "the server name", s, maxName)
	if strings.ContainsAny(s, " /") {
		p.Add(at, "server name %q has a space or a slash in it", s)
	}
}

func oneOf(p *Problems, at, what, v string, of ...string) {
	if !slices.Contains(of, v) {
		last := len(of) - 1
		p.Add(at, "%s %q is not known; %s and %s are", what, v, strings.Join(of[:last], ", "), of[last])
	}
}

func pattern(p *Problems, at, s string) {
	if len(s) > maxPattern {
		p.Add(at, "the regular expression has %d octets; %d are the most", len(s), maxPattern)
	} else if _, err := regexp.Compile(s); err != nil {
		p.Add(at, "%v", err)
	}
}

func (c *HTTPCheck) validate(at, key string, p *Problems) {
	portOr(p, at, c.Port)
	if c.Path != "" && (!strings.HasPrefix(c.Path, "/") || strings.ContainsAny(c.Path, " \r\n\t")) {
		p.Add(at+"/path", "path %q does not start with / or has white space in it", c.Path)
	}
	if strings.ContainsAny(c.Host, " /\r\n\t") {
		p.Add(at+"/host", "host %q has white space or a slash in it", c.Host)
	}
	for i, s := range c.Status {
		switch {
		case s.low < 100 || s.high > 599:
			p.Add(fmt.Sprintf("%s/status/%d", at, i), "status %s is not within 100 to 599", s)
		case s.low > s.high:
			p.Add(fmt.Sprintf("%s/status/%d", at, i), "status %s ends before it begins", s)
		}
	}
	if len(c.Status) > 64 {
		p.Add(at+"/status", "there are %d statuses; 64 are the most: write ranges", len(c.Status))
	}
	if key == "http" && (c.SNI != "" || c.Insecure) {
		p.Add(at, "sni and insecure are for https")
	}
	serverName(p, at+"/sni", c.SNI)
	c.validateRequest(at, p)
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		at := at + "/headers/" + token(name)
		if !headerName.MatchString(name) {
			p.Add(at, "%q is not the name of a header", name)
		}
		pattern(p, at, c.Headers[name])
	}
	if len(c.Headers) > MaxRequestHeaders {
		p.Add(at+"/headers", "there are %d headers; %d are the most", len(c.Headers), MaxRequestHeaders)
	}
	if c.Body != nil {
		c.Body.validate(at+"/body", p)
		if c.Method == "HEAD" {
			p.Add(at+"/body", "an answer to HEAD has no body")
		}
	}
	if c.MaxLatency < 0 {
		p.Add(at+"/maxLatency", "a maxLatency of %v is not above 0", c.MaxLatency)
	}
	if c.FollowRedirects < 0 || c.FollowRedirects > MaxRedirects {
		p.Add(at+"/followRedirects", "%d redirects are not within 0 to %d", c.FollowRedirects, MaxRedirects)
	}
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")

// notSent are the headers that a document may not set, each with the reason.
// The names are in lower case; a dash at the end stands for all that begin so.
var notSent = []struct{ name, why string }{
	{"host", "use host"},
	{"authorization", "use authorization, which keeps the value secret"},
	{"proxy-", "probes use no proxy"},
	{"cookie", "a document does not hold credentials"},
	{"content-length", "it follows from requestBody"},
	{"transfer-encoding", "it follows from requestBody"},
	{"connection", "each probe has a connection of its own"},
	{"keep-alive", "each probe has a connection of its own"},
	{"upgrade", "use version"},
	{"te", "no trailers are read"},
	{"trailer", "no trailers are sent"},
	{"expect", "the body is sent at once"},
	{"user-agent", "those who are probed must be able to tell by whom"},
	{"metadata", "it opens clouds' metadata services"},
	{"metadata-", "it opens clouds' metadata services"},
	{"x-google-metadata-", "it opens clouds' metadata services"},
	{"x-aws-", "it opens clouds' metadata services"},
}

func (c *HTTPCheck) validateRequest(at string, p *Problems) {
	if c.Version != "" {
		oneOf(p, at+"/version", "version", c.Version, "1.1", "2")
	}
	if c.Method != "" {
		oneOf(p, at+"/method", "method", c.Method, "GET", "HEAD", "POST", "OPTIONS")
	}
	if c.RequestBody != "" && c.Method != "POST" {
		p.Add(at+"/requestBody", "a body goes with method: POST")
	}
	if n := len(c.RequestBody); n > MaxRequestBody {
		p.Add(at+"/requestBody", "the body has %d octets; %d are the most", n, MaxRequestBody)
	}
	if n := len(c.RequestHeaders); n > MaxRequestHeaders {
		p.Add(at+"/requestHeaders", "there are %d headers; %d are the most", n, MaxRequestHeaders)
	}
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(c.RequestHeaders)) {
		at, lower := at+"/requestHeaders/"+token(name), strings.ToLower(name)
		if !headerName.MatchString(name) {
			p.Add(at, "%q is not the name of a header", name)
		}
		if other, ok := seen[lower]; ok {
			p.Add(at, "%s and %s are the same header", name, other)
		}
		seen[lower] = name
		for _, h := range notSent {
			if lower == h.name || strings.HasSuffix(h.name, "-") && strings.HasPrefix(lower, h.name) {
				p.Add(at, "%s cannot be set: %s", name, h.why)
				break
			}
		}
		line(p, at, "the header", c.RequestHeaders[name], 1024)
	}
}

func (c *BodyCheck) validate(at string, p *Problems) {
	if c.Contains == "" && c.Matches == "" && c.JSON == nil {
		p.Add(at, "it wants nothing; give it contains, matches or json")
	}
	if len(c.Contains) > maxText {
		p.Add(at+"/contains", "the text has %d octets; %d are the most", len(c.Contains), maxText)
	}
	pattern(p, at+"/matches", c.Matches)
	if c.JSON == nil {
		return
	}
	if len(c.JSON.Path) > maxText {
		p.Add(at+"/json/path", "the path has %d octets; %d are the most", len(c.JSON.Path), maxText)
	} else if _, err := ParseJSONPath(c.JSON.Path); err != nil {
		p.Add(at+"/json/path", "%v", err)
	}
	if len(c.JSON.Equals) > maxText {
		p.Add(at+"/json/equals", "the text has %d octets; %d are the most", len(c.JSON.Equals), maxText)
	}
}

// token is a key as a JSON pointer has it (RFC 6901 section 3).
func token(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func (c *TCPCheck) validate(at, _ string, p *Problems) { port(p, at+"/port", c.Port) }

func (c *TLSCheck) validate(at, _ string, p *Problems) {
	portOr(p, at, c.Port)
	serverName(p, at+"/sni", c.SNI)
	if c.MinDaysLeft < 0 || c.MinDaysLeft > 3650 {
		p.Add(at+"/minDaysLeft", "%d days are not within 0 to 3650", c.MinDaysLeft)
	}
	if len(c.ALPN) > 8 {
		p.Add(at+"/alpn", "there are %d protocols; 8 are the most", len(c.ALPN))
	}
	for i, a := range c.ALPN {
		if a == "" || len(a) > 32 {
			p.Add(fmt.Sprintf("%s/alpn/%d", at, i), "%q is not the name of a protocol: it has 1 to 32 characters", a)
		}
	}
}

func (c *ICMPCheck) validate(string, string, *Problems) {}

func (c *DNSCheck) validate(at, _ string, p *Problems) {
	portOr(p, at, c.Port)
	if c.Protocol != "" {
		oneOf(p, at+"/protocol", "protocol", c.Protocol, "udp", "tcp")
	}
	if c.Name == "" {
		p.Add(at+"/name", "the name to ask for is missing")
	} else if _, err := ParseName(strings.ReplaceAll(c.Name, "{service}", "service.example")); err != nil {
		p.Add(at+"/name", "%v", err)
	}
	if c.Type != "" {
		oneOf(p, at+"/type", "type", c.Type, DNSTypes...)
	}
	for i, r := range c.RCode {
		oneOf(p, fmt.Sprintf("%s/rcode/%d", at, i), "response code", r, DNSRCodes...)
	}
	if len(c.Answers) > MaxRecords {
		p.Add(at+"/answers", "there are %d answers; %d are the most", len(c.Answers), MaxRecords)
	}
	for i, a := range c.Answers {
		line(p, fmt.Sprintf("%s/answers/%d", at, i), "the answer", a, 1024)
		if strings.TrimSpace(a) == "" {
			p.Add(fmt.Sprintf("%s/answers/%d", at, i), "the answer is empty")
		}
	}
}

func (c *GRPCCheck) validate(at, _ string, p *Problems) {
	port(p, at+"/port", c.Port)
	line(p, at+"/service", "the service", c.Service, maxName)
	serverName(p, at+"/sni", c.SNI)
	if !c.TLS && (c.SNI != "" || c.Insecure) {
		p.Add(at, "sni and insecure are for tls: true")
	}
}

func (c *UDPCheck) validate(at, _ string, p *Problems) {
	port(p, at+"/port", c.Port)
	if (c.Send == "") == (c.SendHex == "") {
		p.Add(at, "exactly one of send and sendHex says what is sent")
	}
	wants := 0
	for _, s := range []string{c.Expect, c.ExpectHex, c.Matches} {
		if s != "" {
			wants++
		}
	}
	if wants != 1 {
		p.Add(at, "exactly one of expect, expectHex and matches says what the answer must have in it; there are %d", wants)
	}
	datagram(p, at+"/send", c.Send, false)
	datagram(p, at+"/sendHex", c.SendHex, true)
	datagram(p, at+"/expect", c.Expect, false)
	datagram(p, at+"/expectHex", c.ExpectHex, true)
	pattern(p, at+"/matches", c.Matches)
}

// datagram checks what a datagram is made of or has in it.
func datagram(p *Problems, at, s string, digits bool) {
	n := len(s)
	if digits {
		if _, err := hex.DecodeString(s); err != nil {
			p.Add(at, "it is not an even number of hexadecimal digits")
			return
		}
		n /= 2
	}
	if n > 1024 {
		p.Add(at, "it is %d octets; 1024 are the most", n)
	}
}

func (c *DatabaseCheck) validate(at, _ string, p *Problems) {
	portOr(p, at, c.Port)
	if c.User == "" {
		p.Add(at+"/user", "the user to log in as is missing")
	}
	line(p, at+"/user", "the user", c.User, maxName)
	line(p, at+"/database", "the database", c.Database, maxName)
	session(p, at, c.TLS, c.SNI, c.Role, c.MaxLag)
}

func (c *RedisCheck) validate(at, _ string, p *Problems) {
	portOr(p, at, c.Port)
	line(p, at+"/user", "the user", c.User, maxName)
	if c.User != "" && c.Password == nil {
		p.Add(at+"/user", "a user logs in with a password; give it password: {secret: NAME}")
	}
	session(p, at, c.TLS, c.SNI, c.Role, c.MaxLag)
}

// session checks what the kinds for databases have in common.
func session(p *Problems, at, tls, sni, role string, lag Duration) {
	if tls != "" {
		oneOf(p, at+"/tls", "tls", tls, TLSVerify, TLSRequire, TLSDisable)
	}
	serverName(p, at+"/sni", sni)
	if sni != "" && tls == TLSDisable {
		p.Add(at+"/sni", "there is no server name with tls: disable")
	}
	if role != "" {
		oneOf(p, at+"/role", "role", role, RolePrimary, RoleReplica)
	}
	if lag != 0 {
		between(p, at+"/maxLag", "a maxLag", lag, Duration(100*time.Millisecond), Duration(24*time.Hour))
		if role != RoleReplica {
			p.Add(at+"/maxLag", "maxLag is for role: replica")
		}
	}
}

func (c *ExecCheck) validate(at, _ string, p *Problems) {
	if len(c.Command) == 0 {
		p.Add(at+"/command", "the command is missing: [NAME, ARGUMENT, ...] with a name from probing.exec in the node's configuration")
		return
	}
	if err := CheckLabel(c.Command[0]); err != nil {
		p.Add(at+"/command/0", "%v", err)
	}
	if len(c.Command) > 32 {
		p.Add(at+"/command", "the command has %d words; 32 are the most", len(c.Command))
	}
	for i, a := range c.Command {
		if len(a) > 1024 || strings.Contains(a, "\x00") {
			p.Add(fmt.Sprintf("%s/command/%d", at, i), "an argument has at most 1024 octets, and no NUL in it")
		}
	}
}
