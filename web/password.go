package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/meridian-gtm/meridian/policy"
)

// The cost of a password's hash, as OWASP's Password Storage Cheat Sheet has it for argon2id.
const (
	hashMemory   = 19 << 10 // KiB
	hashPasses   = 2
	hashThreads  = 1
	hashSalt     = 16
	hashSize     = 32
	hashesAtOnce = 4 // or log-ins would take a node's memory
	hashWait     = 2 * time.Second
)

// hasher hashes passwords, a few at a time.
type hasher struct {
	slots chan struct{}
	none  string // the hash that is compared where there is no user, so that this takes as long
}

func newHasher() *hasher {
	return &hasher{slots: make(chan struct{}, hashesAtOnce), none: phcOf(make([]byte, hashSalt), make([]byte, hashSize))}
}

func checkPassword(at, password string) error {
	var p policy.Problems
	switch n := utf8.RuneCountInString(strings.TrimSpace(password)); {
	case n == 0 && password != "":
		p.Add(at, "the password is nothing but blanks; take %d characters or more", policy.MinPassword)
	case n < policy.MinPassword:
		p.Add(at, "the password has %d characters, without blanks at its ends; %d are the least", n, policy.MinPassword)
	case len(password) > policy.MaxPassword:
		p.Add(at, "the password has %d octets; %d are the most", len(password), policy.MaxPassword)
	}
	return p.Err("the password is not valid")
}

// enter waits for a slot.
func (h *hasher) enter(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return policy.Errorf(policy.TooMany, "too many people log in to this node at once; try again")
	}
}

func (h *hasher) leave() { <-h.slots }

// hash makes a PHC string of a password.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	salt := make([]byte, hashSalt)
	rand.Read(salt) // never fails (crypto/rand, Go 1.24)
	return hashOf([]byte(password), salt), nil
}

func hashOf(password, salt []byte) string {
	return phcOf(salt, argon2.IDKey(password, salt, hashPasses, hashMemory, hashThreads, hashSize))
}

func phcOf(salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashPasses, hashThreads, b64(salt), b64(sum))
}

// matches holds a password against a PHC string; "" is nobody's, which takes as long and never matches.
func (h *hasher) matches(ctx context.Context, phc, password string) (bool, error) {
	if err := h.enter(ctx); err != nil {
		return false, err
	}
	defer h.leave()
	nobody := phc == ""
	if nobody {
		phc = h.none
	}
	var version, memory, passes int
	var threads uint8
	parts := strings.Split(phc, "$") // "", argon2id, v=19, m=..., salt, sum
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("a password's hash is in another form")
	}
	if n, _ := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads); n != 4 ||
		version != argon2.Version || memory < 1 || memory > 1<<18 || passes < 1 || passes > 16 || threads < 1 {
		return false, fmt.Errorf("a password's hash has other costs than this version can bear")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(sum) < 16 || len(sum) > 128 {
		return false, fmt.Errorf("a password's hash is damaged")
	}
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), threads, uint32(len(sum)))
	return subtle.ConstantTimeCompare(got, sum) == 1 && !nobody, nil
}
