// Package zonefile turns master files (RFC 1035 section 5, with BIND's $TTL
// of RFC 2308 and $GENERATE) into zones and back.
//
// Parse reads a whole file or refuses it whole, naming every mistake with its
// file, line and column. Write exports a zone so that Parse gives the same
// zone again. Check holds the rules a zone must keep to be served. A file that
// BIND, NSD and Knot DNS all load is not refused, with the exceptions that
// DESIGN.md names.
//
// The reader here cuts the text into records; the RDATA of all but the plain
// types goes through github.com/miekg/dns. Nothing else of Meridian knows that
// library's text forms.
package zonefile
