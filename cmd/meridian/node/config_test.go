package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func TestConfigDefaults(t *testing.T) {
	c, err := ParseConfig([]byte("node: ns1\ndataDir: /d\ncluster: {advertise: \"192.0.2.1:7300\"}\n"), "node.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Node: "ns1", Role: RoleNode, DataDir: "/d", DNS: DNS{}.WithDefaults(), API: API{Listen: "127.0.0.1:8080"},
		Cluster: Cluster{Listen: "0.0.0.0:7300", Advertise: "192.0.2.1:7300", Grace: policy.Duration(10 * time.Second), RaftMultiplier: 1},
	}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("%+v\nwant %+v", *c, want)
	}
	c, err = ParseConfig([]byte("node: ns1\ndataDir: /d\ncluster: {listen: \"127.0.0.1:1\", bootstrap: true, grace: 2s}\n"), "node.yaml")
	if err != nil || c.Cluster.Advertise != "127.0.0.1:1" || c.Cluster.Grace != policy.Duration(2*time.Second) {
		t.Errorf("%+v, %v", c, err)
	}
}

// Every mistake is told at once, each with its line and column.
func TestConfigMistakesAtOnce(t *testing.T) {
	text := `node: "no spaces"
region: "-x"
dns:
  listen: ["127.0.0.1", "127.0.0.1:70000"]
  udpSize: 4096
api:
  listen: "192.0.2.1:8080"
  tls: {cert: a.pem}
cluster:
  listen: "0.0.0.0:7300"
  bootstrap: true
  join: ["192.0.2.7"]
  grace: 10ms
probing:
  allow: ["10.0.0.1/8"]
  reference: ["192.0.2.7:443", "tcp://192.0.2.7"]
`
	_, err := ParseConfig([]byte(text), "node.yaml")
	got := problemsOf(t, err)
	want := []string{ // what is missing at the top has no place
		"1:7 /node", "0:0 /dataDir", "2:9 /region", "4:12 /dns/listen/0", "4:25 /dns/listen/1", "5:12 /dns/udpSize", "8:3 /api/tls",
		"9:1 /cluster/advertise", "9:1 /cluster", "12:10 /cluster/join/0", "13:10 /cluster/grace", "15:11 /probing/allow/0",
		"16:15 /probing/reference/0", "16:32 /probing/reference/1",
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s\ngot  %q\nwant %q", err, got, want)
	}
	for _, part := range []string{"node.yaml:1:7", "512 to 1400", "1s to 1h", "write 10.0.0.0/8", "tcp://ADDRESS:PORT"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %s", part, err)
		}
	}
}

func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	var e *policy.Error
	if !errors.As(err, &e) || e.Kind != policy.Invalid {
		t.Fatalf("%v is not of kind invalid", err)
	}
	var list []string
	for _, p := range e.Problems {
		list = append(list, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Pointer))
	}
	return list
}

func TestConfigRules(t *testing.T) {
	for text, want := range map[string]string{
		`api: {listen: "192.0.2.1:8080"}`:                                 "/api/listen",
		`api: {listen: ":8080"}`:                                          "/api/listen",
		`api: {listen: "ns1.example.com:8080"}`:                           "/api/listen", // what a name stands for is not known here
		`api: {listen: "0.0.0.0:8080", insecure: true}`:                   "",
		`api: {listen: "0.0.0.0:8080", tls: {cert: c, key: k}}`:           "",
		`api: {listen: "[::1]:8080"}`:                                     "",
		`api: {listen: "localhost:8080"}`:                                 "",
		`api: {listen: "127.9.9.9:8080"}`:                                 "",
		`cluster: {bootstrap: true}`:                                      "/cluster/advertise",
		`cluster: {join: ["192.0.2.1:7300"]}`:                             "/cluster/advertise",
		`cluster: {join: ["ns1:7300"], advertise: "ns2:7300"}`:            "",
		`cluster: {join: ["ns1"], advertise: "ns2:7300"}`:                 "/cluster/join/0",
		`cluster: {bootstrap: true, advertise: "[2001:db8::1]:7300"}`:     "",
		`cluster: {bootstrap: true, listen: ":7300"}`:                     "/cluster/advertise",
		`cluster: {grace: 1s}`:                                            "",
		`cluster: {grace: 1h}`:                                            "",
		`cluster: {grace: 3601s}`:                                         "/cluster/grace",
		`dns: {udpSize: 512}`:                                             "",
		`dns: {udpSize: 1400}`:                                            "",
		`dns: {udpSize: 511}`:                                             "/dns/udpSize",
		`dns: {listen: ["127.0.0.1:x"]}`:                                  "/dns/listen/0",
		`dns: {listen: ["127.0.0.1:-1"]}`:                                 "/dns/listen/0",
		`probing: {allow: ["10.0.0.0/8"], reference: ["tcp://[::1]:80"]}`: "",
		`dns: {lisen: ["127.0.0.1:53"]}`:                                  "/dns/lisen",
	} {
		_, err := ParseConfig([]byte("node: ns1\ndataDir: /d\n"+text+"\n"), "f")
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", text, err)
		case want != "" && err == nil:
			t.Errorf("%s: accepted", text)
		case want != "":
			if got := problemsOf(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "3:") || !strings.HasSuffix(got[0], " "+want) {
				t.Errorf("%s: %q, want %s", text, got, want)
			}
		}
	}
}

func TestLoadConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	if _, err := LoadConfig(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(file, []byte("node: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a broken file: %v, want its name", err)
	}
	if err := os.WriteFile(file, []byte("node: ns1\ndataDir: /d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := LoadConfig(file); err != nil || c.Node != "ns1" {
		t.Errorf("%+v, %v", c, err)
	}
}
