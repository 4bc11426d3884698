package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// cookie asks a node about a DNS cookie and gives its RCODE and the cookie to use from now on.
func (c *cluster) cookie(i int, option string) (rcode int, next string, err error) {
	q := new(dns.Msg)
	q.Id = dns.Id()
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: option}}
	client := dns.Client{Timeout: 2 * time.Second}
	m, _, err := client.Exchange(q, c.nodes[i].dns)
	if err != nil {
		return 0, "", err
	}
	if o := m.IsEdns0(); o != nil && len(o.Option) == 1 {
		return m.Rcode, o.Option[0].(*dns.EDNS0_COOKIE).Cookie, nil
	}
	return 0, "", fmt.Errorf("node %d gives no cookie: %v", i, m)
}

// All nodes accept each other's DNS cookies, and one that starts with no leader
// and no peers still accepts those that others made before.
func TestE2ECookies(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	var made [3]string
	eventually(t, 30*time.Second, "every node accepts every node's cookies", func() error {
		for i := range c.nodes {
			var err error
			if _, made[i], err = c.cookie(i, "0102030405060708"); err != nil {
				return err
			}
			for j := range c.nodes {
				if rcode, _, err := c.cookie(j, made[i]); err != nil || rcode != dns.RcodeSuccess {
					return fmt.Errorf("node %d says %s of the cookie of node %d: %v", j, dns.RcodeToString[rcode], i, err)
				}
			}
		}
		return nil
	})
	for _, p := range c.nodes {
		p.kill()
	}
	c.start(2)
	eventually(t, 30*time.Second, "a node alone accepts the cookies of the others", func() error {
		for i, cookie := range made {
			if rcode, _, err := c.cookie(2, cookie); err != nil || rcode != dns.RcodeSuccess {
				return fmt.Errorf("it says %s of the cookie of node %d: %v", dns.RcodeToString[rcode], i, err)
			}
		}
		return nil
	})
}
