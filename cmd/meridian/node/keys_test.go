package node

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

func TestSealAndOpen(t *testing.T) {
	k, other := &keeper{seal: random(32)}, &keeper{seal: random(32)}
	for _, value := range [][]byte{nil, []byte("x"), random(4096)} {
		sealed, err := k.Seal("probe-token", value)
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > 1 && bytes.Contains(sealed, value) {
			t.Error("the value is in clear")
		}
		if got, err := k.open("probe-token", sealed); err != nil || !bytes.Equal(got, value) {
			t.Errorf("opened %d octets, %v", len(got), err)
		}
		if again, _ := k.Seal("probe-token", value); bytes.Equal(again, sealed) {
			t.Error("sealed twice alike: the nonce is not random")
		}
		for what, open := range map[string]func() ([]byte, error){
			"another name": func() ([]byte, error) { return k.open("probe-token2", sealed) },
			"another key":  func() ([]byte, error) { return other.open("probe-token", sealed) },
			"cut":          func() ([]byte, error) { return k.open("probe-token", sealed[:len(sealed)-1]) },
			"a stump":      func() ([]byte, error) { return k.open("probe-token", sealed[:5]) },
			"nothing":      func() ([]byte, error) { return k.open("probe-token", nil) },
			"no key":       func() ([]byte, error) { return (&keeper{}).open("probe-token", sealed) },
		} {
			if got, err := open(); err == nil || got != nil {
				t.Errorf("%s: opened %q", what, got)
			} else if what != "no key" && !strings.Contains(err.Error(), "probe-token") {
				t.Errorf("%s: %v does not name the secret", what, err)
			}
		}
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := k.open("probe-token", bad); err == nil {
				t.Fatalf("opened with octet %d damaged", i)
			}
			if i > 64 {
				break
			}
		}
	}
	if _, err := (&keeper{}).Seal("x", nil); policy.KindOf(err) != policy.Unavailable {
		t.Errorf("without a key: %v", err)
	}
}

func TestNewToken(t *testing.T) {
	for given, good := range map[string]bool{
		"12345678": true, "1234567": false, "correct horse": false, "tab\there-long": false, "line\nbreak-long": false,
		strings.Repeat("x", 200): true,
	} {
		token, record, err := newToken(given)
		if good != (err == nil) {
			t.Errorf("%q: %v", given, err)
		}
		if good && (token != given || record.Role != "admin" || len(record.Hash) != 32 || bytes.Contains(record.Hash, []byte(given))) {
			t.Errorf("%q gives %q, %+v", given, token, record)
		}
		if err != nil && strings.Contains(err.Error(), given) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	a, first, err := newToken("")
	b, second, err2 := newToken("")
	if err != nil || err2 != nil || a == b || first.ID == second.ID || len(a) < 4+43 {
		t.Errorf("random ones: %q, %q, %v, %v", a, b, err, err2)
	}
}

// Everything a node keeps is for its own eyes, and replaced whole.
func TestKeeperFiles(t *testing.T) {
	dir := t.TempDir()
	k := &keeper{dir: dir}
	if id, err := k.identity("m1"); id != nil || err != nil {
		t.Errorf("an identity out of nothing: %v, %v", id, err)
	}
	authority, err := peer.NewAuthority("cluster-1")
	if err != nil {
		t.Fatal(err)
	}
	key, err := peer.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := peer.NewRequest(key, "m1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Issue(csr, "m1")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.keep("m1", "cluster-1", authority.Certificate, cert, key, random(32)); err != nil {
		t.Fatal(err)
	}
	if err := k.write(tokenFile, []byte("first, and longer than the second")); err != nil {
		t.Fatal(err)
	}
	if err := k.write(tokenFile, []byte("second")); err != nil {
		t.Fatal(err)
	}
	if b, err := k.read(tokenFile); err != nil || string(b) != "second" {
		t.Errorf("%q, %v", b, err)
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		} else {
			files++
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", path, info.Mode().Perm(), want)
		}
		return nil
	})
	if err != nil || files != 7 {
		t.Errorf("%d files, %v", files, err)
	}
	again := &keeper{dir: dir}
	if err := again.load(); err != nil || !bytes.Equal(again.seal, k.seal) {
		t.Errorf("the cluster's key after a restart: %v", err)
	}
	if id, err := again.identity("m1"); err != nil || id == nil || id.NodeID != "m1" {
		t.Errorf("the identity after a restart: %+v, %v", id, err)
	}
	if id, err := again.identity("m2"); err == nil {
		t.Errorf("another node's certificate is taken: %+v", id)
	}
	// A crash before the cluster's id was written leaves a node that is in no cluster.
	if err := os.Remove(k.path(clusterFile)); err != nil {
		t.Fatal(err)
	}
	if id, err := again.identity("m1"); id != nil || err != nil {
		t.Errorf("half an identity: %+v, %v", id, err)
	}
	if err := os.WriteFile(k.path(sealFile), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (&keeper{dir: dir}).load(); err == nil || !strings.Contains(err.Error(), "5 octets, not 32") || !strings.Contains(err.Error(), sealFile) {
		t.Errorf("a damaged key: %v", err)
	}
}
