package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meridian-gtm/meridian/cmd/meridian/node"
)

func serveCommand() *cobra.Command {
	var file, level string
	c := &cobra.Command{
		Use:   "serve --config node.yaml",
		Short: "Run one node (DNS, API, vantage and its part of the cluster), or an agent that only probes",
		Long: `Run one node of Meridian until SIGTERM or SIGINT.

The first node of a cluster starts with cluster.bootstrap: true in an empty data
directory. It takes its admin token from MERIDIAN_TOKEN, or makes a random one,
prints it once and keeps it in admin.token (mode 0600) in the data directory.
The others name its cluster port in cluster.join and start with the same MERIDIAN_TOKEN.

	node: ns1
	region: us-east
	dataDir: /var/lib/meridian
	dns:     {listen: ["192.0.2.53:53"]}
	api:     {listen: "127.0.0.1:8080"}
	cluster: {listen: "192.0.2.53:7300", bootstrap: true}

With role: agent it is a vantage alone: it probes, and has no DNS, no API and no
part in Raft. It needs a region, a cluster port that nodes reach, and the token once.

	node: probe-tokyo
	role: agent
	region: ap-northeast
	dataDir: /var/lib/meridian
	cluster: {listen: "198.51.100.9:7300", join: ["192.0.2.53:7300"]}

A node that has been part of a cluster answers DNS after a restart even when no
other node can be reached.`,
		Example: "  meridian serve --config /etc/meridian/node.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logger(cmd.ErrOrStderr(), level)
			if err != nil {
				return err
			}
			cfg, err := node.LoadConfig(file)
			if err != nil {
				return err
			}
			version, _ := buildVersion()
			options := node.Options{
				Version: version, Token: os.Getenv("MERIDIAN_TOKEN"), Log: log,
				Notify: func(line string) { fmt.Fprintln(cmd.OutOrStdout(), line) },
			}
			var n interface{ Run(context.Context) error }
			if cfg.Role == node.RoleAgent {
				n, err = node.NewAgent(*cfg, options)
			} else {
				n, err = node.New(*cfg, options)
			}
			if err != nil {
				return err
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			return n.Run(ctx)
		},
	}
	c.Flags().StringVarP(&file, "config", "c", "/etc/meridian/node.yaml", "the node's configuration file")
	c.Flags().StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return c
}

func logger(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q is not debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// interrupted ends with SIGTERM or SIGINT.
func interrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
}
