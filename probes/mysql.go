package probes

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/meridian-gtm/meridian/policy"
)

// probeMySQL logs in to MySQL or MariaDB and asks for its role.
func probeMySQL(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.MySQL
	password, err := t.open(c.Password)
	if err != nil {
		return err
	}
	s := &session{t: t, port: c.Port}
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = c.User, password, c.Database
	cfg.Net, cfg.Addr, cfg.DialFunc = "tcp", "probe", s.dial
	cfg.TLS = t.sessionTLS(c.TLS, c.SNI)
	cfg.Logger = &mysql.NopLogger{} // it would tell what the server sent
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return refuse("not probed: the monitor does not make a connection that the driver takes")
	}
	defer s.close()
	conn, err := connector.Connect(ctx)
	if err != nil {
		return mysqlError(err)
	}
	defer conn.Close()
	sent := time.Now()
	if c.Role == "" {
		_, err := mysqlRows(ctx, conn, "SELECT 1")
		t.Trace.FirstByte = time.Since(sent)
		return err
	}
	st, err := mysqlStanding(ctx, conn, c.Role)
	if err != nil {
		return err
	}
	t.Trace.FirstByte = time.Since(sent)
	t.Trace.Status = map[bool]string{true: policy.RoleReplica, false: policy.RolePrimary}[st.replica]
	return st.judge(c.Role, c.MaxLag)
}

func mysqlStanding(ctx context.Context, conn driver.Conn, role string) (standing, error) {
	var s standing
	if role == policy.RolePrimary {
		rows, err := mysqlRows(ctx, conn, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'super_read_only')")
		if err != nil {
			return s, err
		}
		if len(rows) == 0 {
			return s, fail(policy.CauseProtocol, 0, "%s", notMySQL)
		}
		for _, r := range rows {
			if v := strings.ToUpper(r["value"]); v != "OFF" && v != "0" {
				s.why = "takes no writes (read_only)"
			}
		}
		return s, nil
	}
	rows, err := mysqlRows(ctx, conn, "SHOW REPLICA STATUS")
	if isMySQL(err, 1064) { // MySQL before 8.0.22, MariaDB before 10.5
		rows, err = mysqlRows(ctx, conn, "SHOW SLAVE STATUS")
	}
	if err != nil {
		return s, err
	}
	s.replica = len(rows) > 0
	for _, r := range rows { // one for each source
		running := func(thread string) bool {
			return strings.EqualFold(r["replica_"+thread+"_running"]+r["slave_"+thread+"_running"], "Yes")
		}
		if !running("io") || !running("sql") {
			return s, fail(policy.CauseRole, 0, "its replication is not running")
		}
		seconds, err := strconv.Atoi(r["seconds_behind_source"] + r["seconds_behind_master"])
		if err != nil {
			s.why = "the server does not say"
			return s, nil
		}
		s.lagKnown, s.lag = true, max(s.lag, time.Duration(seconds)*time.Second)
	}
	return s, nil
}

// mysqlRows gives the rows of a result by the names of their columns in lower case.
func mysqlRows(ctx context.Context, conn driver.Conn, query string) ([]map[string]string, error) {
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return nil, mysqlError(err)
	}
	defer rows.Close()
	var list []map[string]string
	values := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(values); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, mysqlError(err)
		}
		row := map[string]string{}
		for i, name := range rows.Columns() {
			switch v := values[i].(type) {
			case nil:
			case []byte:
				row[strings.ToLower(name)] = string(v)
			default:
				row[strings.ToLower(name)] = fmt.Sprint(v)
			}
		}
		list = append(list, row)
	}
}

const notMySQL = "the answer is not MySQL's"

// serverError is an error that a MySQL server answered with, in our words.
type serverError struct {
	error
	number uint16
}

func (e *serverError) Unwrap() error { return e.error }

func isMySQL(err error, number uint16) bool {
	var e *serverError
	return errors.As(err, &e) && e.number == number
}

// mysqlError has words for the server's errors by their numbers; their text stays out.
func mysqlError(err error) error {
	var e *mysql.MySQLError
	switch {
	case errors.As(err, &e):
	case errors.Is(err, errTooMuch):
		return errTooMuch
	case errors.Is(err, mysql.ErrNoTLS):
		return errNoTLS
	case errors.Is(err, mysql.ErrCleartextPassword), errors.Is(err, mysql.ErrOldPassword), errors.Is(err, mysql.ErrUnknownPlugin):
		return fail(policy.CauseContent, 0, "the server wants the password in a way that is not safe or not known")
	case errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		return fail(policy.CauseReset, 0, "connection closed before the end of the answer")
	default:
		return known(err, policy.CauseProtocol, notMySQL)
	}
	text := fmt.Sprintf("the server answers with error %d", e.Number)
	switch e.Number {
	case 1040, 1203:
		text = "the server has no connection left (too many connections)"
	case 1044, 1045, 1698:
		text = "the server does not let the user in: wrong user, password or database"
	case 1049:
		text = "there is no such database"
	case 1053:
		text = "the server is shutting down"
	case 1129, 1130:
		text = "the server does not let this node's address in"
	case 1227:
		text = "the user may not ask for the state of replication; grant it REPLICATION CLIENT (MySQL) or REPLICA MONITOR (MariaDB)"
	}
	return &serverError{fail(policy.CauseContent, 0, "%s", text), e.Number}
}
