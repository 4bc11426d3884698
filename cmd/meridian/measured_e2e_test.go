package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

// What is measured is taken by any node, read back from every other, and gone
// from all when it is too old; a member killed and started again has it from its disk.
func TestE2EMeasured(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range c.nodes {
		c.start(i)
	}
	eventually(t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	c.must(c.do(0, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	c.must(c.do(0, http.MethodPut, "/config", "application/yaml", []byte(c.document(fast, 5)), nil))
	follower := (c.leader() + 1) % 3
	put := func(path, body string) error {
		return c.do(follower, http.MethodPut, path, "application/json", []byte(body), nil)
	}
	lasting := fmt.Sprintf(`{"measurements":[{"client":"192.0.2.0/24","region":%q,"ms":12.5},{"country":"DE","region":%q,"ms":9}]}`, c.regions[0].name, c.regions[1].name)
	eventually(t, 30*time.Second, "the feature level is raised", func() error { return put("/latency", lasting) })
	out, err := c.run(follower, "load", "set", "region/"+c.regions[0].name+"=850", "--max-age", "1h")
	if err != nil || !strings.Contains(out, "=850.") {
		t.Fatalf("%v: %s", err, out)
	}
	short := fmt.Sprintf(`{"maxAge":"1s","measurements":[{"asn":64500,"region":%q,"ms":1},{"country":"DE","region":%q,"ms":1}]}`, c.regions[0].name, c.regions[0].name)
	c.must(put("/latency", short))
	c.must(put("/load", fmt.Sprintf(`{"loads":[{"target":"region/%s","value":1,"maxAge":"1s"}]}`, c.regions[1].name)))

	holds := func(i int) error {
		var l api.LatencyPage
		var loads api.LoadList
		if err := c.do(i, http.MethodGet, "/latency", "", nil, &l); err != nil {
			return err
		}
		if err := c.do(i, http.MethodGet, "/load", "", nil, &loads); err != nil {
			return err
		}
		got := ""
		for _, s := range l.Items {
			for _, r := range s.Regions {
				got += fmt.Sprint(s.Subject, " ", r.Region, " ", r.Ms, "; ")
			}
		}
		for _, v := range loads.Items {
			got += fmt.Sprint(v.Target, " ", v.Value, "; ")
		}
		want := fmt.Sprintf("192.0.2.0/24 %s 12.5; country/DE %s 9; region/%s 850; ", c.regions[0].name, c.regions[1].name, c.regions[0].name)
		if got != want {
			return fmt.Errorf("node %d has %q, not %q", i, got, want)
		}
		return nil
	}
	all := func() error {
		for i := range c.nodes {
			if err := holds(i); err != nil {
				return err
			}
		}
		return nil
	}
	eventually(t, 30*time.Second, "what is too old is gone everywhere, and the rest is there", all)
	c.nodes[follower].kill()
	c.start(follower)
	eventually(t, 30*time.Second, "a node that was started again has it", all)
	beacon := fmt.Sprintf(`{"client":"91.10.3.77","measurements":[{"region":%q,"ms":43.2}]}`, c.regions[0].name)
	var taken api.BeaconTaken
	c.must(c.do(follower, http.MethodPost, "/beacons", "application/json", []byte(beacon), &taken))
	if taken.Measurements != 1 {
		t.Errorf("%+v", taken)
	}
}
