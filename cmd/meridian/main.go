// Command meridian is a node of Meridian, the demo of a whole cluster, and the
// client that operators use. The client commands know nothing but the REST API.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	exitOK    = 0
	exitError = 1
	exitFound = 2 // the plan has changes, or the check found something
)

// errFound ends a command with exitFound. What was found has been printed.
var errFound = errors.New("found")

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs one command line and gives its exit code.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := rootCommand()
	root.SetArgs(joinWatch(args))
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	switch err := root.ExecuteContext(ctx); {
	case err == nil:
		return exitOK
	case errors.Is(err, errFound):
		return exitFound
	default:
		fmt.Fprintln(errs, "Error:", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		return exitError
	}
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "meridian",
		Short: "A self-hosted global traffic manager",
		Long: `Meridian answers DNS queries with the nearest healthy region, and moves every
client off a failed or drained region within one TTL.

Client commands talk to a node's API: --addr or MERIDIAN_ADDR says where, as one
address or several with commas between (the next is tried when one is down), and
--token or MERIDIAN_TOKEN is the token. meridian context keeps both under a name. A flag
goes before the environment, and that before the context. The first admin token is in
admin.token in the data directory of the node that bootstrapped the cluster.

Exit codes: 0 done, 1 error, 2 "the plan has changes" or "the check found something".
NO_COLOR=1 turns the colours of status words off; elsewhere than on a terminal there are none.`,
		Example: `  meridian demo                                          # a cluster on this machine
  meridian cluster status
  meridian zone import example.com.zone
  meridian plan -f meridian.yaml && meridian apply -f meridian.yaml
  meridian describe pool/web-us-east
  meridian get health -w
  meridian explain www.example.com A --client 91.10.0.1
  meridian explain pool.endpoints.weight                 # what a field means
  meridian drain region/us-east --reason "maintenance" --for 2h
  meridian undrain region/us-east`,
		SilenceUsage: true, SilenceErrors: true,
	}
	g := &globals{}
	f := root.PersistentFlags()
	f.StringVar(&g.addr, "addr", "", "the API of a node, or of several (MERIDIAN_ADDR; default "+defaultAddr+")")
	f.StringVar(&g.token, "token", "", "API token (MERIDIAN_TOKEN)")
	f.StringVar(&g.ca, "ca", "", "file of the certificate authority of an https API (MERIDIAN_CA; default the system's)")
	f.StringVar(&g.context, "context", "", "the context that says where the API is (MERIDIAN_CONTEXT; see meridian context)")
	f.StringVarP(&g.output, "output", "o", "table", "table, json or yaml")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	_ = root.RegisterFlagCompletionFunc("context", func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return completeContexts(cmd, nil, begun)
	})
	add := func(id, title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	add("run", "Run it:", serveCommand(), demoCommand())
	add("see", "See:", getCommand(g), describeCommand(g), explainCommand(g), residualCommand(g), probeCommand(g), digCommand(g), geoCommand(g), safetyCommand(g), clusterCommand(g))
	add("change", "Change:", planCommand(g), applyCommand(g), deleteCommand(g), drainCommand(g), undrainCommand(g), forceCommand(g), shareCommand(g), liftCommand(g), resumeCommand(g), switchCommand(g), zoneCommand(g), latencyCommand(g), loadCommand(g), signalCommand(g), secretCommand(g), notifyCommand(g))
	add("history", "What was done:", historyCommand(g), diffCommand(g), rollbackCommand(g), auditCommand(g), draftCommand(g), drillCommand(g))
	add("access", "Who may, and where:", tokenCommand(g), userCommand(g), oidcCommand(g), contextCommand(g))
	root.AddCommand(checkCommand(g), importCommand(), versionCommand(g))
	return root
}
