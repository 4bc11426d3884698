package probes

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/meridian-gtm/meridian/policy"
)

// probePostgres logs in and asks one thing by the simple protocol, without startup
// parameters, so that it works through a pooler such as PgBouncer too.
func probePostgres(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.Postgres
	password, err := t.open(c.Password)
	if err != nil {
		return err
	}
	s := &session{t: t, port: c.Port}
	cfg, err := s.postgres(c, password)
	if err != nil {
		return err
	}
	defer s.close() // before it, whatever the driver does behind our back would go on
	conn, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return postgresError(err)
	}
	defer func() {
		conn.Close(ctx)
		s.close()
		<-conn.CleanupDone()
	}()
	sent := time.Now()
	query := map[string]string{"": "SELECT 1", policy.RolePrimary: postgresPrimary, policy.RoleReplica: postgresReplica}[c.Role]
	results, err := conn.Exec(ctx, query).ReadAll()
	if err != nil {
		return postgresError(err)
	}
	t.Trace.FirstByte = time.Since(sent)
	if len(results) != 1 || len(results[0].Rows) != 1 {
		return fail(policy.CauseProtocol, 0, "%s", notPostgres)
	}
	if c.Role == "" {
		return nil
	}
	st, err := postgresStanding(results[0].Rows[0])
	if err != nil {
		return err
	}
	t.Trace.Status = map[bool]string{true: policy.RoleReplica, false: policy.RolePrimary}[st.replica]
	return st.judge(c.Role, c.MaxLag)
}

// The queries give whether the server is in recovery and whether it takes no
// writes; of a replica also its lag in seconds, whether it has a WAL receiver, and the
// receiver's status. With all replayed that was received there is no lag: a quiet
// primary sends nothing to replay.
const (
	postgresPrimary = `SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')`
	postgresReplica = postgresPrimary + `, CASE
  WHEN pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() THEN 0
  WHEN pg_is_in_recovery() THEN extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END,
 (SELECT count(*) FROM pg_stat_wal_receiver), (SELECT status FROM pg_stat_wal_receiver LIMIT 1)`
)

func postgresStanding(row [][]byte) (standing, error) {
	var s standing
	if len(row) != 2 && len(row) != 5 {
		return s, fail(policy.CauseProtocol, 0, "%s", notPostgres)
	}
	s.replica = string(row[0]) == "t"
	if !s.replica && string(row[1]) != "off" {
		s.why = "takes no writes (default_transaction_read_only)"
	}
	if !s.replica || len(row) == 2 {
		return s, nil
	}
	seconds, err := strconv.ParseFloat(string(row[2]), 64)
	switch {
	case string(row[3]) == "0":
		s.why = "it receives nothing from a primary"
	case row[4] == nil:
		s.why = "the user may not read pg_stat_wal_receiver; grant it pg_monitor"
	case string(row[4]) != "streaming":
		s.why = "it is not streaming from a primary"
	case err != nil:
		s.why = "it has not replayed a transaction yet"
	default:
		s.lagKnown, s.lag = true, max(0, time.Duration(seconds*float64(time.Second)))
	}
	return s, nil
}

// postgresBlank is a configuration of the driver's. It insists on reading the
// environment for it (PGHOST and so on), of which nothing is kept.
var postgresBlank = sync.OnceValues(func() (*pgconn.Config, error) {
	return pgconn.ParseConfig("host=blank port=5432 user=blank password=blank sslmode=disable target_session_attrs=any")
})

func (s *session) postgres(c *policy.DatabaseCheck, password string) (*pgconn.Config, error) {
	blank, err := postgresBlank()
	if err != nil {
		return nil, refuse("not probed: the environment of this node has PG variables that cannot be read; unset them")
	}
	cfg := blank.Copy()
	cfg.Host, cfg.Port = s.t.Check.Host, uint16(s.t.port(c.Port))
	cfg.User, cfg.Password, cfg.Database = c.User, password, c.Database
	cfg.TLSConfig, cfg.SSLNegotiation, cfg.SSLCertMode = s.t.sessionTLS(c.TLS, c.SNI), "postgres", "disable"
	cfg.RuntimeParams, cfg.Fallbacks, cfg.ConnectTimeout = nil, nil, 0
	cfg.ValidateConnect, cfg.AfterConnect = nil, nil
	cfg.MinProtocolVersion, cfg.MaxProtocolVersion, cfg.ChannelBinding = "3.0", "3.0", "prefer"
	cfg.MaxProtocolMessageBodyLen = 64 << 10
	cfg.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	cfg.DialFunc = s.dial
	cfg.RequireAuth = ""
	if c.TLS != policy.TLSVerify { // or anybody on the way could ask for the password
		cfg.RequireAuth = "!password"
	}
	return cfg, nil
}

const notPostgres = "the answer is not PostgreSQL's"

var sqlState = regexp.MustCompile(`^[0-9A-Z]{5}$`)

// postgresError has words for the server's errors by their codes; their text stays out.
func postgresError(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		switch text := err.Error(); {
		case errors.Is(err, errTooMuch):
			return errTooMuch
		case strings.Contains(text, "server refused TLS connection"):
			return errNoTLS
		case strings.Contains(text, "require_auth"):
			return fail(policy.CauseTLS, 0, "the server wants the password in clear text, which is sent with tls: verify only")
		}
		return known(err, policy.CauseProtocol, notPostgres)
	}
	switch e.Code {
	case "28P01", "28000":
		return fail(policy.CauseContent, 0, "the server does not let the user in: wrong user or password, or pg_hba.conf")
	case "3D000":
		return fail(policy.CauseContent, 0, "there is no such database")
	case "53300":
		return fail(policy.CauseContent, 0, "the server has no connection left (too many clients)")
	case "57P01", "57P02":
		return fail(policy.CauseContent, 0, "the server is shutting down")
	case "57P03":
		return fail(policy.CauseContent, 0, "the server does not take connections now: it is starting up or shutting down")
	case "57014":
		return fail(policy.CauseContent, 0, "the server cancelled the query")
	case "42501":
		return fail(policy.CauseContent, 0, "the user may not ask for this; grant it pg_monitor")
	}
	if sqlState.MatchString(e.Code) {
		return fail(policy.CauseContent, 0, "the server answers with error %s", e.Code)
	}
	return fail(policy.CauseProtocol, 0, "%s", notPostgres)
}
