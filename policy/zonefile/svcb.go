package zonefile

import "github.com/meridian-gtm/meridian/policy"

// bindings warns of SVCB and HTTPS records that clients take for less than
// they say: parameters in AliasMode, and other records beside one in AliasMode
// (RFC 9460 sections 2.4.1 and 2.4.2).
func (c *checker) bindings(name policy.Name, set policy.RRset) {
	typ := TypeString(set.Type)
	for _, d := range set.Data {
		priority, _, params := policy.ReadSVCB(d)
		if priority > 0 {
			continue
		}
		f := finding{name: name, typ: set.Type, data: d}
		if len(params) > 0 {
			c.warnf(f, "%s %s has priority 0 (AliasMode) and parameters, which clients pass over (RFC 9460 section 2.4.2)", name, typ)
		}
		if len(set.Data) > 1 {
			c.warnf(f, "%s %s has priority 0 (AliasMode) beside others (%d), which clients pass over (RFC 9460 section 2.4.1)", name, typ, len(set.Data)-1)
			return
		}
	}
}
