package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// droppers take an object of a kind out of the configuration, and say whether it was there.
var droppers = map[string]func(cfg *policy.Config, name string) bool{
	"region": func(c *policy.Config, n string) bool {
		return drop(&c.Regions, n, func(o *policy.Region) string { return o.Name })
	},
	"provider": func(c *policy.Config, n string) bool {
		return drop(&c.Providers, n, func(o *policy.Provider) string { return o.Name })
	},
	"monitor": func(c *policy.Config, n string) bool {
		return drop(&c.Monitors, n, func(o *policy.Monitor) string { return o.Name })
	},
	"pool": func(c *policy.Config, n string) bool {
		return drop(&c.Pools, n, func(o *policy.Pool) string { return o.Name })
	},
	"template": func(c *policy.Config, n string) bool {
		return drop(&c.Templates, n, func(o *policy.Template) string { return o.Name })
	},
	"service": func(c *policy.Config, n string) bool {
		return drop(&c.Services, strings.ToLower(strings.TrimSuffix(n, ".")), (*policy.Service).ID)
	},
	"safety-rule": func(c *policy.Config, n string) bool {
		return drop(&c.SafetyRules, n, func(o *policy.SafetyRule) string { return o.Name })
	},
	"review-rule": func(c *policy.Config, n string) bool {
		return drop(&c.ReviewRules, n, func(o *policy.ReviewRule) string { return o.Name })
	},
	"drill-plan": func(c *policy.Config, n string) bool {
		return drop(&c.DrillPlans, n, func(o *policy.DrillPlan) string { return o.Name })
	},
	"place": func(c *policy.Config, n string) bool { return drop(&c.Places, n, (*policy.PlaceOverride).ID) },
	"notification": func(c *policy.Config, n string) bool {
		return drop(&c.Notifications, n, func(o *policy.Receiver) string { return o.Name })
	},
}

func drop[T any](list *[]T, name string, id func(*T) string) bool {
	kept := slices.DeleteFunc(*list, func(o T) bool { return id(&o) == name })
	gone := len(kept) < len(*list)
	*list = kept
	return gone
}

func deleteCommand(g *globals) *cobra.Command {
	var dryRun, yes, force bool
	kinds := slices.Sorted(maps.Keys(droppers))
	c := &cobra.Command{
		Use:   "delete KIND/NAME...",
		Short: "Delete objects of the configuration, all of them or none",
		Long: `Delete objects of the configuration, after saying whose answers change and asking. All
of them go or none: it is refused while something that stays names one of them. A place
is named by its network or its AS number. KIND is one of ` + strings.Join(kinds[:3], ", ") + ",\n" + strings.Join(kinds[3:], ", ") + `.

The document of before is kept in your cache directory, for undoing. Zones are deleted
by meridian zone delete, records by meridian zone unset.`,
		Example: `  meridian delete service/api.example.com pool/api-us-east pool/api-eu-central
  meridian delete drill-plan/weekly --reason "we have a better one"
  meridian delete place/198.51.100.0/24 --yes`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: completeDelete(g, kinds),
		RunE: func(cmd *cobra.Command, args []string) error { return deleteObjects(cmd, g, args, force, dryRun, yes) },
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would change; the exit code is 0")
	c.Flags().BoolVar(&force, "force", false, forceUsage)
	yesFlag(c, &yes)
	reasonFlag(c, g)
	overrideFlag(c, g)
	return c
}

func deleteObjects(cmd *cobra.Command, g *globals, objects []string, force, dryRun, yes bool) error {
	conn, err := g.connect()
	if err != nil {
		return err
	}
	r, err := read(conn.GetConfig(cmd.Context(), header("Accept", "application/json")))
	if err != nil {
		return err
	}
	var cfg policy.Config
	if err := json.Unmarshal(r.body, &cfg); err != nil {
		return err
	}
	for _, object := range objects {
		kind, name, ok := strings.Cut(object, "/")
		dropped, known := droppers[kind]
		switch {
		case kind == "zone" && ok:
			return fmt.Errorf("zones are deleted by themselves: meridian zone delete %s", name)
		case !ok || !known || name == "":
			return fmt.Errorf("%q is no KIND/NAME; the kinds are %s", object, strings.Join(slices.Sorted(maps.Keys(droppers)), ", "))
		case !dropped(&cfg, name):
			return fmt.Errorf("there is no %s", object)
		}
	}
	text, err := json.Marshal(cfg)
	if err != nil {
		return err
	}
	revision, err := strconv.ParseUint(unquoted(r.revision()), 10, 64)
	if err != nil {
		return err
	}
	// The document without them, on that very revision: what somebody else adds meanwhile is not deleted.
	a := &write{prune: true, force: force, revision: revision, given: true}
	if dryRun {
		return users(a.rehearse(cmd, g, conn, text), text)
	}
	return users(a.bring(cmd, g, conn, text, yes), text)
}

// users says which objects name what would go, where a refusal points into the document without it, which nobody has seen.
func users(err error, text []byte) error {
	var r *refusal
	var doc map[string][]struct {
		Name, CIDR string
		Names      []string
	}
	if !errors.As(err, &r) || json.Unmarshal(text, &doc) != nil {
		return err
	}
	for i, p := range r.Problems {
		parts := strings.SplitN(p.Pointer, "/", 4) // "", the list, the place in it, the rest
		if len(parts) < 3 {
			continue
		}
		if n, bad := strconv.Atoi(parts[2]); bad == nil && n < len(doc[parts[1]]) {
			o := doc[parts[1]][n]
			name := first(append([]string{o.Name, o.CIDR}, o.Names...)...)
			r.Detail = "something that stays names what would go"
			r.Problems[i] = api.Mistake{Message: fmt.Sprintf("%s, in %s: %s", name, parts[1], p.Message)}
		}
	}
	return err
}

func completeDelete(g *globals, kinds []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		kind, _, ok := strings.Cut(begun, "/")
		if !ok {
			return starting(slash(kinds), begun), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		names := g.names(cmd.Context(), kindNames(kind+"s"))
		for i := range names {
			names[i] = kind + "/" + names[i]
		}
		return starting(names, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

func slash(kinds []string) []string {
	out := slices.Clone(kinds)
	for i := range out {
		out[i] += "/"
	}
	return out
}
