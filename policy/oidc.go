package policy

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// OIDC is how people log in with an OpenID Connect provider. It is no part of the configuration
// document: who may edit that may not say who is an admin.
type OIDC struct {
	Issuer       string     `json:"issuer"` // https; plain http on loopback only
	ClientID     string     `json:"clientID"`
	ClientSecret *SecretRef `json:"clientSecret,omitempty"`
	RedirectURL  string     `json:"redirectURL"`      // of this API's /auth/oidc/callback, as browsers reach it
	Scopes       []string   `json:"scopes,omitempty"` // that are asked for; default openid, email and profile
	GroupsClaim  string     `json:"groupsClaim,omitempty"`
	Domains      []string   `json:"domains,omitempty"` // of e-mail addresses that may log in; default any
	Roles        []OIDCRole `json:"roles"`             // the first that matches; without one nobody gets in
}

// OIDCRole gives a group of the provider's, or one e-mail address, a role.
type OIDCRole struct {
	Group  string `json:"group,omitempty"`
	Email  string `json:"email,omitempty"`
	Role   string `json:"role"`
	Limits Scopes `json:"limits,omitempty"` // what may be changed, as scopes of tokens
}

// Match is the first role for somebody.
func (o *OIDC) Match(email string, groups []string) (OIDCRole, bool) {
	for _, r := range o.Roles {
		if r.Group != "" && slices.Contains(groups, r.Group) || r.Email != "" && email != "" && strings.EqualFold(r.Email, email) {
			return r, true
		}
	}
	return OIDCRole{}, false
}

// Check finds every mistake.
func (o *OIDC) Check() error {
	var p Problems
	address := func(at, text string) {
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "":
			p.Add(at, "%q is not the URL of a provider or a callback; write https://id.example.com", text)
		case u.Scheme == "http" && !loopback(u.Hostname()), u.Scheme != "http" && u.Scheme != "https":
			p.Add(at, "%q is not https; plain http may be on loopback only", text)
		}
	}
	address("/issuer", o.Issuer)
	address("/redirectURL", o.RedirectURL)
	if !strings.HasSuffix(o.RedirectURL, "/auth/oidc/callback") {
		p.Add("/redirectURL", "%q does not end in /auth/oidc/callback, as in https://gtm.example.com/api/v1/auth/oidc/callback", o.RedirectURL)
	}
	if o.ClientID == "" || len(o.ClientID) > 255 {
		p.Add("/clientID", "the client's id is missing, or over 255 octets")
	}
	if len(o.Roles) == 0 || len(o.Roles) > 100 {
		p.Add("/roles", "there are %d roles; 1 to 100 may be, and without one nobody could log in", len(o.Roles))
	}
	for i, r := range o.Roles {
		at := fmt.Sprintf("/roles/%d", i)
		if (r.Group == "") == (r.Email == "") {
			p.Add(at, "it is for one of a group and an e-mail address (group, email)")
		}
		if err := CheckRole(r.Role); err != nil || r.Role == RoleNode {
			p.Add(at+"/role", "%q is no role for people; viewer, operator, editor and admin are", r.Role)
		} else if err := CheckScopes(r.Role, r.Limits); err != nil {
			p.Add(at+"/limits", "%v", err)
		}
		if r.Limits != nil && len(r.Limits) == 0 {
			p.Add(at+"/limits", "the list is empty; name what may be changed, or leave limits out to limit nothing")
		}
		if r.Email != "" && !strings.Contains(r.Email, "@") {
			p.Add(at+"/email", "%q is no e-mail address", r.Email)
		}
	}
	for i, d := range o.Domains {
		if d == "" || strings.ContainsAny(d, "@ /") {
			p.Add(fmt.Sprintf("/domains/%d", i), "%q is not a domain; write example.com", d)
		}
	}
	return p.Err("the log-in by OIDC is not valid")
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}
