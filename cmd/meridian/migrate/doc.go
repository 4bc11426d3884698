// Package migrate reads what other servers steer by and writes it as a Meridian
// configuration: gdnsd's configuration and zones, the record sets of Amazon Route
// 53, octoDNS's dynamic records and PowerDNS's LUA records.
//
// Each format has a reader of its own, which makes trees and pools with the
// builder. The builder checks every service by itself before it is taken in, so
// that what comes out always passes policy.Config.Validate, and what does not
// is named with its line instead. Nothing is left out silently: a Note says it.
package migrate
