package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestMonitorKinds(t *testing.T) {
	for text, want := range map[string]string{ // what is wrong, by its pointer; none for a good one
		`{"http":{"status":[200,"300-399"],"version":"2","method":"POST","requestBody":"x","followRedirects":5,"maxLatency":"300ms"}}`: "",
		`{"http":{"status":["399-300"]}}`:                              "/http/status/0",
		`{"http":{"requestBody":"x"}}`:                                 "/http/requestBody",
		`{"http":{"method":"PUT"}}`:                                    "/http/method",
		`{"http":{"version":"3"}}`:                                     "/http/version",
		`{"http":{"followRedirects":6}}`:                               "/http/followRedirects",
		`{"http":{"maxLatency":"6s"}}`:                                 "/http/maxLatency",
		`{"http":{"requestHeaders":{"Metadata-Flavor":"Google"}}}`:     "/http/requestHeaders/Metadata-Flavor",
		`{"http":{"requestHeaders":{"x-aws-ec2-metadata-token":"1"}}}`: "/http/requestHeaders/x-aws-ec2-metadata-token",
		`{"http":{"requestHeaders":{"HOST":"x"}}}`:                     "/http/requestHeaders/HOST",
		`{"http":{"requestHeaders":{"X-A":"1\r\nHost: x"}}}`:           "/http/requestHeaders/X-A",
		`{"http":{"requestHeaders":{"X-A":"1","x-a":"2"}}}`:            "/http/requestHeaders/x-a",
		`{"http":{"headers":{"X-A":"("}}}`:                             "/http/headers/X-A",
		`{"http":{"body":{}}}`:                                         "/http/body",
		`{"http":{"method":"HEAD","body":{"contains":"x"}}}`:           "/http/body",
		`{"http":{"body":{"matches":"("}}}`:                            "/http/body/matches",
		`{"http":{"body":{"json":{"path":"a","equals":"1"}}}}`:         "/http/body/json/path",
		`{"http":{"authorization":{"secret":"a/b"}}}`:                  "/http/authorization/secret",
		`{"tls":{}}`:                 "",
		`{"tls":{"minDaysLeft":-1}}`: "/tls/minDaysLeft",
		`{"tls":{"sni":"a b"}}`:      "/tls/sni",
		`{"tls":{"alpn":[""]}}`:      "/tls/alpn/0",
		`{"icmp":{}}`:                "",
		`{"dns":{"name":"{service}","type":"TXT","rcode":["NXDOMAIN"]}}`: "",
		`{"dns":{}}`:                                                "/dns/name",
		`{"dns":{"name":"a..b"}}`:                                   "/dns/name",
		`{"dns":{"name":"a","type":"ANY"}}`:                         "/dns/type",
		`{"dns":{"name":"a","rcode":["OK"]}}`:                       "/dns/rcode/0",
		`{"dns":{"name":"a","protocol":"tls"}}`:                     "/dns/protocol",
		`{"dns":{"name":"a","answers":["1\n2"]}}`:                   "/dns/answers/0",
		`{"grpc":{"port":1}}`:                                       "",
		`{"grpc":{}}`:                                               "/grpc/port",
		`{"grpc":{"port":1,"sni":"a"}}`:                             "/grpc",
		`{"udp":{"port":1,"send":"a","expect":"b"}}`:                "",
		`{"udp":{"port":1,"send":"a","sendHex":"00","expect":"b"}}`: "/udp",
		`{"udp":{"port":1,"send":"a"}}`:                             "/udp",
		`{"udp":{"port":1,"sendHex":"0","expect":"b"}}`:             "/udp/sendHex",
		`{"postgres":{"user":"m","role":"replica","maxLag":"5s"}}`:  "",
		`{"postgres":{}}`:                                           "/postgres/user",
		`{"postgres":{"user":"m","tls":"prefer"}}`:                  "/postgres/tls",
		`{"postgres":{"user":"m","maxLag":"5s"}}`:                   "/postgres/maxLag",
		`{"mysql":{"user":"m","role":"master"}}`:                    "/mysql/role",
		`{"mysql":{"user":"m","password":{"secret":""}}}`:           "/mysql/password/secret",
		`{"redis":{"tls":"disable","sni":"a"}}`:                     "/redis/sni",
		`{"redis":{"user":"m"}}`:                                    "/redis/user",
		`{"exec":{"command":["check","a"]}}`:                        "",
		`{"exec":{"command":[]}}`:                                   "/exec/command",
		`{"exec":{"command":["/bin/sh"]}}`:                          "/exec/command/0",
		`{"signal":{"name":"billing-ok"},"invert":true,"holdDown":"1m","ramp":"1m","resume":"manual"}`: "",
		`{"signal":{"name":"billing-ok","whenStale":"unknown"}}`:                                       "",
		`{"signal":{}}`:                                    "/signal/name",
		`{"signal":{"name":"a/b"}}`:                        "/signal/name",
		`{"signal":{"name":"a","whenStale":"forget"}}`:     "/signal/whenStale",
		`{"signal":{"name":"a"},"interval":"5s"}`:          "/interval",
		`{"signal":{"name":"a"},"timeout":"1s"}`:           "/timeout",
		`{"signal":{"name":"a"},"fall":1}`:                 "/fall",
		`{"signal":{"name":"a"},"rise":1}`:                 "/rise",
		`{"signal":{"name":"a"},"quorum":"all"}`:           "/quorum",
		`{"signal":{"name":"a"},"vantages":{"nearest":1}}`: "/vantages",
		`{"signal":{"name":"a"},"target":{"port":1}}`:      "/target",
		`{"signal":{"name":"a"},"exclusive":true}`:         "/exclusive",
		`{"signal":{"name":"a"},"holdDown":"25h"}`:         "/holdDown",
		`{"exec":{"command":["check"]},"icmp":{}}`:         "",
	} {
		var m Monitor
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var p Problems
		m.validate("", &p)
		if strings.Contains(text, `"icmp":{}}`) && strings.Contains(text, "exec") {
			if len(p) != 1 || !strings.HasSuffix(p[0].Message, "this one is 2 of them") {
				t.Errorf("%s: %v", text, p)
			}
			continue
		}
		if want == "" && len(p) > 0 || want != "" && !slices.ContainsFunc(p, func(p Problem) bool { return p.Pointer == want }) {
			t.Errorf("%s: %v, want a mistake at %q", text, p, want)
		}
	}
}

// A document of the versions before needs no level and hashes as it did; each of
// the new kinds and keys needs the new level and has a revision of its own.
func TestMonitorFeatureAndRevision(t *testing.T) {
	seen := map[uint64]string{}
	for _, text := range []string{
		`{"tcp":{"port":80}}`, `{"http":{"port":80,"status":[200]}}`, `{"https":{"port":80}}`,
		`{"http":{"status":["200-299"]}}`, `{"http":{"version":"2"}}`, `{"http":{"method":"HEAD"}}`, `{"http":{"headers":{"A":"b"}}}`,
		`{"http":{"body":{"contains":"x"}}}`, `{"http":{"maxLatency":"1s"}}`, `{"http":{"followRedirects":1}}`,
		`{"http":{"requestHeaders":{"A":"b"}}}`, `{"tls":{}}`, `{"tls":{"port":1}}`, `{"icmp":{}}`, `{"dns":{"name":"a"}}`, `{"grpc":{"port":1}}`,
		`{"udp":{"port":1,"send":"a","expect":"b"}}`, `{"postgres":{"user":"m"}}`, `{"postgres":{"user":"m","role":"primary"}}`,
		`{"mysql":{"user":"m"}}`, `{"redis":{}}`, `{"exec":{"command":["a"]}}`, `{"exec":{"command":["a","b"]}}`,
		`{"signal":{"name":"a"}}`, `{"signal":{"name":"b"}}`, `{"signal":{"name":"b"},"invert":true}`,
	} {
		var m Monitor
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatal(err)
		}
		c := Config{Monitors: []Monitor{m}}
		if old := len(seen) < 3; old == (c.Feature() == FeatureHealth) {
			t.Errorf("%s needs level %d", text, c.Feature())
		}
		r := Check{Host: "192.0.2.1", Monitor: m.WithDefaults()}.revision()
		if other, ok := seen[r]; ok {
			t.Errorf("%s and %s have the same revision", text, other)
		}
		seen[r] = text
	}
	// Checks of the same revision share their probes, and a program is told the endpoint.
	m := Monitor{Exec: &ExecCheck{Command: []string{"a"}}}
	if (Check{Endpoint: "endpoint/p/a", Monitor: m}).revision() == (Check{Endpoint: "endpoint/p/b", Monitor: m}).revision() {
		t.Error("two endpoints share one program")
	}
}

func TestMonitorSecretsAndText(t *testing.T) {
	ref := &SecretRef{"s"}
	for want, m := range map[string]Monitor{
		"http :80/ /http/authorization/secret":             {HTTP: &HTTPCheck{Authorization: ref}},
		"postgres :5432 primary /postgres/password/secret": {Postgres: &DatabaseCheck{Password: ref, Role: RolePrimary}},
		"mysql :3306 /mysql/password/secret":               {MySQL: &DatabaseCheck{Password: ref}},
		"redis :6379 /redis/password/secret":               {Redis: &RedisCheck{Password: ref}},
		"icmp ":                                            {ICMP: &ICMPCheck{}},
		"signal a ":                                        {Signal: &SignalCheck{Name: "a"}},
		"exec a b ":                                        {Exec: &ExecCheck{Command: []string{"a", "b"}}},
		"- ":                                               {},
	} {
		var found []string
		for pointer, r := range m.Secrets() {
			if r != ref {
				t.Errorf("%s gives %v", want, r)
			}
			found = append(found, pointer)
		}
		d := m.WithDefaults()
		if got := d.Text() + " " + strings.Join(found, " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestParseJSONPath(t *testing.T) {
	for text, want := range map[string]string{
		"$": "", "$.a.b[0]": "a b 0", `$["a b"]['c.d'][12]`: "a b c.d 12", "$.a-b": "a-b",
		"a": "!", "": "!", "$.": "!", "$..a": "!", "$.*": "!", "$[*]": "!", "$[-1]": "!", "$[1": "!", `$["a]`: "!", "$[": "!", "$a": "!", "$[1:2]": "!", "$[]": "!",
		"$" + strings.Repeat(".a", 33): "!",
	} {
		steps, err := ParseJSONPath(text)
		var got []string
		for _, s := range steps {
			if s.Name != nil {
				got = append(got, *s.Name)
			} else {
				got = append(got, jsonOf(s.Index))
			}
		}
		if (err != nil) != (want == "!") || err == nil && strings.Join(got, " ") != want {
			t.Errorf("%q: %q %v, want %q", text, got, err, want)
		}
	}
}
