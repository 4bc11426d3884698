package probes

import "context"

// probeTCP is satisfied with a connection that is accepted.
func probeTCP(ctx context.Context, t *Target) error {
	conn, err := t.dial(ctx, t.Check.Monitor.TCP.Port)
	if err != nil {
		return err
	}
	return conn.Close()
}
