package peer

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// JoinRequest is what a node that wants to join says of itself.
type JoinRequest struct {
	NodeID      string   `json:"nodeID"` // random, made by the joiner, kept in its data directory
	NodeLabel   string   `json:"node"`
	Region      string   `json:"region,omitempty"`
	ClusterAddr string   `json:"cluster"` // where its own cluster port is reached
	APIAddr     string   `json:"api,omitempty"`
	DNS         []string `json:"dns,omitempty"`
	CSR         []byte   `json:"csr"`     // from NewRequest
	Feature     int      `json:"feature"` // highest feature level it can apply
	// Replaces is the id that the joiner had in this cluster before it lost
	// Raft's directory: that member is taken out, though its reports are still heard.
	Replaces string `json:"replaces,omitempty"`
	// Agent asks for the part of a vantage alone: no Raft, no state and no cluster key.
	Agent  bool `json:"agent,omitempty"`
	Budget int  `json:"budget,omitempty"` // probes a second that it makes at the most; 0: any

	// Key is the join key that the joiner has proved to know. It is set by the
	// serving side, for tokens that are good once.
	Key []byte `json:"-"`
}

// JoinReply is what makes the joiner a node of the cluster.
type JoinReply struct {
	ClusterID   string          `json:"clusterID"`
	CA          []byte          `json:"ca"`         // DER
	Certificate []byte          `json:"cert"`       // DER
	ClusterKey  []byte          `json:"clusterKey"` // opens the sealed secrets in State; not for agents
	Members     []policy.Member `json:"members"`
}

// JoinKey is the verifier of a join token: what a cluster keeps (sealed) in
// place of the token. A token should be random: a short one can be guessed by
// whoever stands in the middle of one exchange, without asking again.
func JoinKey(token string) []byte {
	m := hmac.New(sha256.New, []byte(token))
	m.Write([]byte("meridian join"))
	return m.Sum(nil)
}

// The exchange over TLS 1.3, whose exporter value is secret to its two ends
// and different for every connection, so that nobody in the middle can pass a proof on:
//
//	joiner -> server   nonce (32), proof (32) over "client", exporter, nonce
//	server -> joiner   nonce (32), proof (32) over "server", exporter, both nonces
//	joiner -> server   length (4), JoinRequest as JSON
//	server -> joiner   status (1), length (4), JoinReply or policy.Error as JSON
//
// The server says nothing before it has seen the joiner's proof, and the
// joiner says nothing of itself before it has seen the server's.
const (
	joinTimeout  = 60 * time.Second // the whole exchange: the reply waits for a commit
	proofTimeout = 10 * time.Second
	maxJoin      = 4 << 20
	exportLabel  = "EXPORTER-meridian-join"
)

func proof(key []byte, who string, exporter []byte, nonces ...[]byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(who))
	m.Write(exporter)
	for _, n := range nonces {
		m.Write(n)
	}
	return m.Sum(nil)
}

// Join asks the node at addr to take this one into its cluster. token is a
// join token or the cluster's MERIDIAN_TOKEN. The error is policy.Unavailable
// when the node cannot be reached, policy.Invalid when the two do not know the
// same token, and otherwise what the node answered.
func Join(ctx context.Context, addr, token string, request JoinRequest) (JoinReply, error) {
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return JoinReply{}, policy.Errorf(policy.Unavailable, "the node at %s cannot be reached to join: %v", addr, err)
	}
	defer func() { _ = raw.Close() }()
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	conn := tls.Client(raw, &tls.Config{
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{protoJoin},
		InsecureSkipVerify: true, // who is at the other end is settled by the proofs
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return JoinReply{}, policy.Errorf(policy.Unavailable, "the node at %s does not answer on its cluster port (it may not have joined itself yet): %v", addr, err)
	}
	return join(conn, addr, JoinKey(token), request)
}

func join(conn *tls.Conn, addr string, key []byte, request JoinRequest) (JoinReply, error) {
	state := conn.ConnectionState()
	exporter, err := state.ExportKeyingMaterial(exportLabel, nil, 32)
	if err != nil {
		return JoinReply{}, fmt.Errorf("binding the join exchange to its connection: %w", err)
	}
	mine := make([]byte, 32)
	if _, err := rand.Read(mine); err != nil {
		return JoinReply{}, err
	}
	if _, err := conn.Write(append(mine, proof(key, "client", exporter, mine)...)); err != nil {
		return JoinReply{}, policy.Errorf(policy.Unavailable, "joining at %s: %v", addr, err)
	}
	theirs := make([]byte, 64)
	if _, err := io.ReadFull(conn, theirs); err != nil {
		return JoinReply{}, policy.Errorf(policy.Invalid, "the node at %s does not accept this join token (or is asked too often); make a new one and try again", addr)
	}
	if !hmac.Equal(theirs[32:], proof(key, "server", exporter, mine, theirs[:32])) {
		return JoinReply{}, policy.Errorf(policy.Invalid, "what answers at %s does not know the join token: it is no node of this cluster, or somebody stands in between", addr)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return JoinReply{}, err
	}
	if err := writeFrame(conn, body); err != nil {
		return JoinReply{}, policy.Errorf(policy.Unavailable, "joining at %s: %v", addr, err)
	}
	status := make([]byte, 1)
	if _, err = io.ReadFull(conn, status); err == nil {
		body, err = readFrame(conn)
	}
	if err != nil {
		return JoinReply{}, policy.Errorf(policy.Unavailable, "joining at %s ended without an answer; try again: %v", addr, err)
	}
	if status[0] != 0 {
		refusal := new(policy.Error)
		if err := json.Unmarshal(body, refusal); err != nil {
			return JoinReply{}, fmt.Errorf("reading why %s refused the join: %w", addr, err)
		}
		return JoinReply{}, refusal
	}
	var reply JoinReply
	if err := json.Unmarshal(body, &reply); err != nil {
		return JoinReply{}, fmt.Errorf("reading the answer of %s to the join: %w", addr, err)
	}
	return reply, nil
}

// serve is the exchange from the serving side.
func (j *joinServer) serve(ctx context.Context, conn *tls.Conn, state tls.ConnectionState) {
	from := addrOf(conn)
	fn, keys := j.handler()
	if fn == nil || !j.allowed(from) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.NetConn().Close() })()
	_ = conn.SetDeadline(time.Now().Add(proofTimeout))
	exporter, err := state.ExportKeyingMaterial(exportLabel, nil, 32)
	if err != nil {
		return
	}
	theirs := make([]byte, 64)
	if _, err := io.ReadFull(conn, theirs); err != nil {
		return
	}
	key := match(keys(), theirs, exporter)
	if key == nil {
		j.failed(from)
		return
	}
	if !j.enter() {
		return
	}
	defer j.leave()
	mine := make([]byte, 32)
	if _, err := rand.Read(mine); err != nil {
		return
	}
	if _, err := conn.Write(append(mine, proof(key, "server", exporter, theirs[:32], mine)...)); err != nil {
		return
	}
	body, err := readFrame(conn)
	if err != nil {
		return
	}
	request := JoinRequest{}
	var reply JoinReply
	if err = json.Unmarshal(body, &request); err != nil {
		err = policy.Errorf(policy.Invalid, "the join request cannot be read: %v", err)
	} else {
		request.Key = key
		_ = conn.SetDeadline(time.Now().Add(joinTimeout))
		reply, err = fn(ctx, request)
	}
	answer(conn, reply, err)
}

// match finds the key that a joiner has proved to know, in the same time whichever it is.
func match(keys [][]byte, hello, exporter []byte) []byte {
	var found []byte
	for _, key := range keys {
		if len(key) > 0 && hmac.Equal(hello[32:], proof(key, "client", exporter, hello[:32])) {
			found = key
		}
	}
	return found
}

func answer(conn net.Conn, reply JoinReply, err error) {
	status, value := byte(0), any(reply)
	if err != nil {
		refusal := new(policy.Error)
		if !errors.As(err, &refusal) {
			refusal = policy.Errorf(policy.Unavailable, "%v", err)
		}
		status, value = 1, refusal
	}
	body, err := json.Marshal(value)
	if err != nil {
		return
	}
	if _, err := conn.Write([]byte{status}); err == nil {
		_ = writeFrame(conn, body)
	}
}

func writeFrame(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxJoin {
		return nil, fmt.Errorf("a message of %d octets; %d are allowed", n, maxJoin)
	}
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}
