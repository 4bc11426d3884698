package node

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// The files of a data directory. Raft's own directory holds the server id,
// since an id must not outlive the votes it has cast.
const (
	raftDir     = "raft"
	idFile      = "raft/server-id"
	journalDir  = "journal"
	keyFile     = "tls/node.key"
	certFile    = "tls/node.crt"
	caFile      = "tls/ca.crt"
	clusterFile = "tls/cluster-id"
	nodeIDFile  = "tls/node-id" // whose certificate it is
	nextIDFile  = "join-id"     // the id under which this node is trying to join
	sealFile    = "cluster.key"
	tokenFile   = "admin.token"
)

// keeper holds what a node has on disk to prove who it is, and the key that
// opens the cluster's secrets.
type keeper struct {
	dir  string
	seal []byte // the cluster's key; nil until the node is part of a cluster
}

func (k *keeper) path(name string) string { return filepath.Join(k.dir, name) }

// read gives a file's content, or nil when there is none.
func (k *keeper) read(name string) ([]byte, error) {
	b, err := os.ReadFile(k.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// write replaces a file so that a crash leaves the old or the new one.
func (k *keeper) write(name string, data []byte) error {
	path := k.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// load reads the cluster's key, if the node has one.
func (k *keeper) load() error {
	b, err := k.read(sealFile)
	if err != nil {
		return err
	}
	if b != nil && len(b) != chacha20poly1305.KeySize {
		return fmt.Errorf("%s has %d octets, not %d; restore it from another node", k.path(sealFile), len(b), chacha20poly1305.KeySize)
	}
	k.seal = b
	return nil
}

// identity is the node's identity on the cluster port, or nil before it has joined.
func (k *keeper) identity(id string) (*peer.Identity, error) {
	var parts [4][]byte
	for i, name := range []string{clusterFile, caFile, certFile, keyFile} {
		var err error
		if parts[i], err = k.read(name); err != nil {
			return nil, err
		}
		if parts[i] == nil {
			return nil, nil
		}
	}
	return peer.NewIdentity(id, string(parts[0]), parts[1], parts[2], parts[3])
}

// keep stores what makes the node part of a cluster. The cluster's id comes last: without it the rest does not count.
func (k *keeper) keep(nodeID, clusterID string, ca, cert, key, seal []byte) error {
	for _, f := range []struct {
		name string
		data []byte // nil: there is none
	}{{caFile, ca}, {certFile, cert}, {keyFile, key}, {sealFile, seal}, {nodeIDFile, []byte(nodeID)}, {clusterFile, []byte(clusterID)}} {
		if f.data == nil {
			continue
		}
		if err := k.write(f.name, f.data); err != nil {
			return fmt.Errorf("keeping the node's keys: %w", err)
		}
	}
	k.seal = seal
	return nil
}

// renew has another certificate issued for the same key, and keeps it.
func (k *keeper) renew(id string, issue func(csr []byte) ([]byte, error)) (*peer.Identity, error) {
	key, err := k.read(keyFile)
	if err != nil {
		return nil, err
	}
	csr, err := peer.NewRequest(key, id)
	if err != nil {
		return nil, err
	}
	cert, err := issue(csr)
	if err != nil {
		return nil, err
	}
	if err := k.write(certFile, cert); err != nil {
		return nil, err
	}
	return k.identity(id)
}

// Seal encrypts a value under the cluster's key (XChaCha20-Poly1305), bound to its name.
func (k *keeper) Seal(name string, value []byte) ([]byte, error) {
	if k.seal == nil {
		return nil, policy.Errorf(policy.Unavailable, "this node is not part of a cluster yet, so it has no key to encrypt with")
	}
	aead, err := chacha20poly1305.NewX(k.seal)
	if err != nil {
		return nil, err
	}
	nonce := random(aead.NonceSize())
	return aead.Seal(nonce, nonce, value, []byte(name)), nil
}

// open decrypts what Seal made.
func (k *keeper) open(name string, sealed []byte) ([]byte, error) {
	if k.seal == nil {
		return nil, errors.New("this node has no cluster key")
	}
	aead, err := chacha20poly1305.NewX(k.seal)
	if err != nil {
		return nil, err
	}
	if len(sealed) < aead.NonceSize() {
		return nil, fmt.Errorf("the secret %q is damaged", name)
	}
	value, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(name))
	if err != nil {
		return nil, fmt.Errorf("the secret %q cannot be opened with this cluster's key", name)
	}
	return value, nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails (crypto/rand, Go 1.24)
	return b
}

func randomID() string { return hex.EncodeToString(random(8)) }

// newToken is the admin token: the operator's MERIDIAN_TOKEN, or a random one of 256 bits.
func newToken(given string) (token string, record policy.Token, err error) {
	token = given
	if token == "" {
		token = "mer_" + base64.RawURLEncoding.EncodeToString(random(32))
	}
	if len(token) < 8 || strings.ContainsAny(token, " \t\r\n") {
		return "", policy.Token{}, fmt.Errorf("MERIDIAN_TOKEN has %d characters or white space in it; use at least 8, better 32 random ones (openssl rand -hex 32)", len(token))
	}
	hash := sha256.Sum256([]byte(token))
	return token, policy.Token{ID: hex.EncodeToString(hash[:4]), Name: "bootstrap", Hash: hash[:], Role: policy.RoleAdmin}, nil
}
