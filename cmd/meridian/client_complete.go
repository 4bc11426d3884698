package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// completionPatience is how long a shell waits for names. There are none when it takes longer.
const completionPatience = time.Second

// source gives the names that may stand in some place, each perhaps with a tab and what it is.
type source func(ctx context.Context, c *client) []string

// names asks a source within the shell's patience. Whatever goes wrong there are no names: a shell has no place for errors.
func (g *globals) names(ctx context.Context, from source) []string {
	ctx, cancel := context.WithTimeout(ctx, completionPatience)
	defer cancel()
	c, err := g.connect()
	if err != nil {
		return nil
	}
	c.rotation.patience = completionPatience
	return from(ctx, c)
}

// complete completes the arguments of a command, one source for each.
func complete(g *globals, sources ...source) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= len(sources) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return starting(g.names(cmd.Context(), sources[len(args)]), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeEach completes every argument from one source.
func completeEach(g *globals, from source) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return starting(g.names(cmd.Context(), from), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

func starting(names []string, begun string) []string {
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, begun) })
}

// fixed are names that need no API.
func fixed(names ...string) source {
	return func(context.Context, *client) []string { return slices.Clone(names) }
}

// listed are the names of a kind that get shows.
func listed(k kind) source {
	return func(ctx context.Context, c *client) []string {
		list, _, err := decode[struct {
			Items []struct {
				ID, Name, Endpoint, Target string
				CIDR                       string // of places, or
				ASN                        uint32
				Names                      []string
				Action, Reason             string // of controls
				Role                       string // of tokens
			}
		}](read(k.list(c, ctx)))
		if err != nil {
			return nil
		}
		var names []string
		for _, i := range list.Items {
			name := first(i.ID, i.Name, strings.TrimPrefix(i.Endpoint, "endpoint/"), i.Target)
			switch {
			case name != "":
			case len(i.Names) > 0:
				name = i.Names[0]
			case i.ASN != 0:
				name = fmt.Sprintf("AS%d", i.ASN)
			default:
				name = i.CIDR
			}
			switch {
			case i.Action != "":
				name += "\t" + i.Action + " " + i.Target + ": " + i.Reason
			case i.Role != "":
				name += "\t" + i.Name + ", " + i.Role
			}
			names = append(names, name)
		}
		return names
	}
}

// kindNames are the names of a kind of getKinds.
func kindNames(name string) source {
	return func(ctx context.Context, c *client) []string {
		if k, ok := kindNamed(name); ok {
			return listed(k)(ctx, c)
		}
		return nil
	}
}

func endpointNames(ctx context.Context, c *client) []string { return kindNames("health")(ctx, c) }
func zoneNames(ctx context.Context, c *client) []string     { return kindNames("zones")(ctx, c) }

func tokenNames(ctx context.Context, c *client) []string {
	return listed(kind{list: (*client).listTokens})(ctx, c)
}

func memberNames(ctx context.Context, c *client) []string {
	s, _, err := decode[api.ClusterStatus](read(c.GetCluster(ctx)))
	if err != nil {
		return nil
	}
	var names []string
	for _, m := range s.Members {
		names = append(names, m.Node)
	}
	slices.Sort(names)
	return names
}

// targetNames are all that a control may be on.
func targetNames(ctx context.Context, c *client) []string {
	cfg, err := c.config(ctx)
	if err != nil {
		return nil
	}
	found := map[string]bool{}
	for _, r := range cfg.Regions {
		found["region/"+r.Name] = true
		if r.Provider != "" {
			found["provider/"+r.Provider] = true
		}
		for _, az := range r.AZs {
			found["az/"+r.Name+"/"+az] = true
		}
	}
	for i := range cfg.Pools {
		p := &cfg.Pools[i]
		found["pool/"+p.Name] = true
		for j := range p.Endpoints {
			found["endpoint/"+p.Name+"/"+p.Endpoints[j].Name] = true
			for k, v := range p.Endpoints[j].Labels {
				found["label/"+k+"="+v] = true
			}
		}
	}
	for i := range cfg.Services {
		found["service/"+cfg.Services[i].ID()] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// loadNames are all that has a load.
func loadNames(ctx context.Context, c *client) (names []string) {
	for _, n := range targetNames(ctx, c) {
		if !strings.HasPrefix(n, "provider/") && !strings.HasPrefix(n, "az/") && !strings.HasPrefix(n, "label/") {
			names = append(names, n)
		}
	}
	return names
}

// drainedNames are what undrain and lift take: controls of an action, or with "" of any, and what they are on.
func drainedNames(action string) source {
	return func(ctx context.Context, c *client) []string {
		list, _, err := decode[api.ControlList](read(c.ListControls(ctx)))
		if err != nil {
			return nil
		}
		var names []string
		for _, v := range list.Items {
			if action == "" || v.Action == action {
				names = append(names, v.Target+"\t"+v.Reason, v.Id+"\t"+v.Action+" "+v.Target+": "+v.Reason)
			}
		}
		return names
	}
}

// config is the configuration, decoded.
func (c *client) config(ctx context.Context) (cfg policy.Config, err error) {
	r, err := read(c.GetConfig(ctx, header("Accept", "application/json")))
	if err != nil {
		return cfg, err
	}
	return cfg, json.Unmarshal(r.body, &cfg)
}

func completeGet(g *globals, kinds []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return starting(slices.Clone(kinds), begun), cobra.ShellCompDirectiveNoFileComp
		}
		from := kindNames(args[0])
		if args[0] == "records" {
			from = zoneNames
		}
		if k, ok := kindNamed(args[0]); len(args) > 1 || ok && k.one == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return starting(g.names(cmd.Context(), from), begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeExplain completes names of services, and fields while what is begun is one.
func completeExplain(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 1 {
			return starting([]string{"A", "AAAA", "CNAME", "HTTPS", "MX", "NS", "SOA", "SRV", "SVCB", "TXT"}, strings.ToUpper(begun)), cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) > 1 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := starting(g.names(cmd.Context(), kindNames("services")), begun)
		all, err := schemas()
		if err != nil {
			return names, cobra.ShellCompDirectiveNoFileComp
		}
		path, children := "", objectKinds(all)
		if i := strings.LastIndexByte(begun, '.'); i >= 0 {
			path = begun[:i+1]
			at, _, ok, _ := fieldAt(begun[:i])
			if !ok {
				return names, cobra.ShellCompDirectiveNoFileComp
			}
			children = at.fields(all)
		}
		for _, p := range children {
			what, _, _ := strings.Cut(p.resolved(all).Description, "\n")
			names = append(names, path+p.name+"\t"+what)
		}
		return starting(names, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func completeAssume(g *globals) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		what, _, ok := strings.Cut(begun, ":")
		if !ok {
			return starting([]string{"down:", "up:", "drain:", "force-up:", "force-down:", "share:"}, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		names := g.names(cmd.Context(), targetNames)
		for i := range names {
			names[i] = what + ":" + names[i]
		}
		return starting(names, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeContexts completes a context's name, from the file alone.
func completeContexts(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	p, _, err := readContexts()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(p.Contexts)) {
		names = append(names, name+"\t"+p.Contexts[name].Addr)
	}
	return starting(names, begun), cobra.ShellCompDirectiveNoFileComp
}

// completeAssignments completes NAME= of arguments such as us-east=12.5, after so many others.
func completeAssignments(g *globals, after int, from source) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) < after || strings.Contains(begun, "=") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		names := g.names(cmd.Context(), from)
		for i := range names {
			names[i] += "="
		}
		return starting(names, begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
