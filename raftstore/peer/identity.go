package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// The protocols of the port.
const (
	protoRaft = "meridian-raft/1"
	protoCall = "meridian-call/1"
	protoJoin = "meridian-join/1"
)

// Identity is what a node shows on the port, and by what it judges others.
type Identity struct {
	NodeID      string // the Raft server id; of an agent, its member id
	Agent       bool   // it is an agent's: good for calls that are open to agents, and for nothing else
	ClusterID   string
	Certificate tls.Certificate
	CA          *x509.CertPool
}

// NewIdentity puts together the certificates (DER) and the key (PKCS #8) of a
// node, and refuses ones that other nodes would refuse.
func NewIdentity(nodeID, clusterID string, ca, cert, key []byte) (*Identity, error) {
	caCert, err := x509.ParseCertificate(ca)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster authority's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(cert)
	if err != nil {
		return nil, fmt.Errorf("reading the node's certificate: %w", err)
	}
	k, err := parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading the node's key: %w", err)
	}
	if !k.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the node's key does not belong to its certificate; remove both and join again")
	}
	id := &Identity{
		NodeID: nodeID, ClusterID: clusterID, CA: x509.NewCertPool(),
		Certificate: tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: k, Leaf: leaf},
	}
	id.CA.AddCert(caCert)
	got, agent, err := nodeOf(leaf, clusterID)
	if err != nil {
		return nil, err
	}
	if got != nodeID {
		return nil, fmt.Errorf("the certificate is of node %s, but this is node %s; remove it and join again", got, nodeID)
	}
	id.Agent = agent
	if err := leaf.CheckSignatureFrom(caCert); err != nil {
		return nil, fmt.Errorf("the node's certificate is not of the cluster's authority: %w", err)
	}
	return id, nil
}

// Expires is when the node's certificate ends.
func (id *Identity) Expires() time.Time { return id.Certificate.Leaf.NotAfter }

// serverConfig is for connections that come in with mutual TLS.
func (id *Identity) serverConfig() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{id.Certificate},
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              id.CA,
		NextProtos:             []string{protoRaft, protoCall},
		SessionTicketsDisabled: true, // every connection is judged by certificates
		VerifyConnection:       id.verify,
	}
}

// joinConfig is for connections of nodes that have no certificate yet.
func (id *Identity) joinConfig() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{id.Certificate},
		NextProtos:             []string{protoJoin},
		SessionTicketsDisabled: true,
	}
}

// clientConfig is for connections going out, to a node or to an agent. expect is the id of the one that must answer, or "".
func (id *Identity) clientConfig(proto, expect string, agent bool) *tls.Config {
	role := roleName(id.ClusterID)
	if agent {
		role = agentName(id.ClusterID)
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{id.Certificate},
		RootCAs:                id.CA,
		ServerName:             role,
		NextProtos:             []string{proto},
		SessionTicketsDisabled: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			if cs.NegotiatedProtocol != proto {
				return fmt.Errorf("the other end does not speak %s", proto)
			}
			if err := id.verify(cs); err != nil {
				return err
			}
			if got, _, _ := nodeOf(cs.PeerCertificates[0], id.ClusterID); expect != "" && got != expect {
				return fmt.Errorf("node %s answers where node %s is expected", got, expect)
			}
			return nil
		},
	}
}

// verify checks role and cluster of the other end. The chain up to the
// cluster's authority and the dates have been checked by then.
func (id *Identity) verify(cs tls.ConnectionState) error {
	if len(cs.VerifiedChains) == 0 {
		return errors.New("the other end showed no certificate of the cluster's authority")
	}
	_, _, err := nodeOf(cs.PeerCertificates[0], id.ClusterID)
	return err
}

func roleName(clusterID string) string         { return "server." + clusterID + ".meridian" }
func agentName(clusterID string) string        { return "agent." + clusterID + ".meridian" }
func nodeName(nodeID, clusterID string) string { return nodeID + ".node." + clusterID + ".meridian" }

// nodeOf is the id in a certificate with the role of a node, or of an agent, in a cluster.
func nodeOf(cert *x509.Certificate, clusterID string) (node string, agent bool, err error) {
	server := false
	for _, name := range cert.DNSNames {
		if name == roleName(clusterID) {
			server = true
		} else if name == agentName(clusterID) {
			agent = true
		} else if id, ok := strings.CutSuffix(name, nodeName("", clusterID)); ok {
			if node != "" {
				return "", false, errors.New("the certificate names two nodes")
			}
			node = id
		}
	}
	if server == agent {
		return "", false, fmt.Errorf("the certificate (%s) lacks the role of a node, or of an agent, of cluster %s", strings.Join(cert.DNSNames, ", "), clusterID)
	}
	if err := checkLabel("node id", node); err != nil {
		return "", false, err
	}
	return node, agent, nil
}

// checkLabel says whether an id can stand in a certificate's DNS name.
func checkLabel(what, id string) error {
	ok := id != "" && len(id) <= 63 && id[0] != '-' && id[len(id)-1] != '-'
	for _, c := range []byte(id) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return policy.Errorf(policy.Invalid, "%s %q is not a DNS label of a-z, 0-9 and inner hyphens, 1 to 63 long", what, id)
	}
	return nil
}
