package peer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Lifetimes of certificates. A node renews its own when a third is left.
const (
	AuthorityLifetime = 20 * 365 * 24 * time.Hour
	NodeLifetime      = 365 * 24 * time.Hour
	backdate          = time.Hour // for nodes whose clocks are behind the issuer's
)

// Authority is the cluster's own certificate authority (ECDSA P-256). It is
// made once, at bootstrap, and lives in State with its key sealed.
type Authority struct {
	ClusterID   string
	Certificate []byte           // DER, self-signed
	Key         []byte           // PKCS #8
	Now         func() time.Time // seam; nil is time.Now
}

// NewAuthority makes an authority for a cluster. The id must be a DNS label in lower case.
func NewAuthority(clusterID string) (*Authority, error) {
	if err := checkLabel("cluster id", clusterID); err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the cluster authority's key: %w", err)
	}
	now := time.Now()
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Meridian cluster " + clusterID},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(AuthorityLifetime),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing the cluster authority's certificate: %w", err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding the cluster authority's key: %w", err)
	}
	return &Authority{ClusterID: clusterID, Certificate: cert, Key: pkcs8}, nil
}

// Issue signs a node's certificate: the server role and the node id, for both
// ends of a connection, for NodeLifetime. Only the public key is taken from the
// request; whatever names it asks for are ignored.
func (a *Authority) Issue(csr []byte, nodeID string) ([]byte, error) {
	if err := checkLabel("node id", nodeID); err != nil {
		return nil, err
	}
	return a.issue(csr, nodeID, []string{roleName(a.ClusterID), nodeName(nodeID, a.ClusterID)})
}

// IssueAgent signs an agent's certificate likewise. It is no good for Raft, nor for what only nodes may ask.
func (a *Authority) IssueAgent(csr []byte, id string) ([]byte, error) {
	if err := checkLabel("agent id", id); err != nil {
		return nil, err
	}
	return a.issue(csr, id, []string{agentName(a.ClusterID), nodeName(id, a.ClusterID)})
}

func (a *Authority) issue(csr []byte, nodeID string, names []string) ([]byte, error) {
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "the certificate request cannot be read: %v", err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, policy.Errorf(policy.Invalid, "the certificate request is not signed by its own key: %v", err)
	}
	ca, err := x509.ParseCertificate(a.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster authority's certificate: %w", err)
	}
	key, err := parseKey(a.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the cluster authority's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	if a.Now != nil {
		now = a.Now()
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: nodeID},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(NodeLifetime),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              names,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, ca, request.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("signing the certificate of node %s: %w", nodeID, err)
	}
	return cert, nil
}

// NewKey makes a node's private key (ECDSA P-256), as PKCS #8.
func NewKey() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the node's key: %w", err)
	}
	return x509.MarshalPKCS8PrivateKey(key)
}

// NewRequest makes the certificate request (DER) of a node from its key.
func NewRequest(key []byte, nodeID string) ([]byte, error) {
	k, err := parseKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading the node's key: %w", err)
	}
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: nodeID}}
	csr, err := x509.CreateCertificateRequest(rand.Reader, template, k)
	if err != nil {
		return nil, fmt.Errorf("making the node's certificate request: %w", err)
	}
	return csr, nil
}

func parseKey(pkcs8 []byte) (*ecdsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not an ECDSA key", key)
	}
	return ec, nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	return n, nil
}
