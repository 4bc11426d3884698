package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// apiContext says where an API is, and where its token is.
type apiContext struct {
	Addr      string `yaml:"addr" json:"addr"`
	CA        string `yaml:"ca,omitempty" json:"ca,omitempty"`
	Token     string `yaml:"token,omitempty" json:"-"` // never shown
	TokenFile string `yaml:"tokenFile,omitempty" json:"tokenFile,omitempty"`
	TokenEnv  string `yaml:"tokenEnv,omitempty" json:"tokenEnv,omitempty"`
}

// contexts is the file of contexts.
type contexts struct {
	Current  string                `yaml:"current,omitempty"`
	Contexts map[string]apiContext `yaml:"contexts,omitempty"`
}

// contextsFile is where contexts are kept.
func contextsFile() (string, error) {
	if f := os.Getenv("MERIDIAN_CONFIG"); f != "" {
		return f, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no place for contexts: %w (MERIDIAN_CONFIG names a file)", err)
	}
	return filepath.Join(dir, "meridian", "config.yaml"), nil
}

// readContexts reads the contexts; a file that is not there has none.
func readContexts() (p contexts, file string, err error) {
	if file, err = contextsFile(); err != nil {
		return p, file, err
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, file, nil
	} else if err != nil {
		return p, file, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && len(bytes.TrimSpace(text)) > 0 {
		return p, file, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	return p, file, nil
}

// write puts the contexts where their owner alone can read them, whole or not at all.
func (p contexts) write(file string) error {
	text, err := yaml.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".config-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

// find is a context by its name.
func (p contexts) find(name string) (apiContext, error) {
	if v, ok := p.Contexts[name]; ok {
		return v, nil
	}
	names := slices.Sorted(maps.Keys(p.Contexts))
	if len(names) == 0 {
		return apiContext{}, fmt.Errorf("there is no context %q; there are none yet (meridian context add %s --addr ADDRESS)", name, name)
	}
	return apiContext{}, fmt.Errorf("there is no context %q; there are %s", name, strings.Join(names, ", "))
}

// ownersOnly refuses a file with a token that others can read.
func ownersOnly(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s holds a token and others can read it (mode %04o): chmod 600 %s", file, mode, shell(file))
	}
	return nil
}

// secret is the context's token; file is that of the contexts.
func (v apiContext) secret(file string) (string, error) {
	switch {
	case v.TokenEnv != "":
		return os.Getenv(v.TokenEnv), nil
	case v.TokenFile != "":
		if err := ownersOnly(v.TokenFile); err != nil {
			return "", err
		}
		b, err := os.ReadFile(v.TokenFile)
		return strings.TrimSpace(string(b)), err
	case v.Token != "":
		return v.Token, ownersOnly(file)
	}
	return "", nil
}

// has says whether every address of a text is one of the context's.
func (v apiContext) has(addr string) bool {
	mine, err := apiAddresses(v.Addr)
	if err != nil {
		return false
	}
	theirs, err := apiAddresses(addr)
	if err != nil {
		return false
	}
	for _, u := range theirs {
		if !slices.ContainsFunc(mine, func(m *url.URL) bool { return m.Scheme == u.Scheme && m.Host == u.Host }) {
			return false
		}
	}
	return true
}

// settings is where the API is and how to get in.
type settings struct {
	addr, token, ca string
	unused          string // why a token that is there was not taken
}

// settings takes each setting from its flag, else the environment, else the
// context, else the default. A context that --context names counts as a flag. Its
// token goes to its own addresses only.
func (g *globals) settings() (s settings, err error) {
	p, file, err := readContexts()
	if file == "" && g.context == "" && os.Getenv("MERIDIAN_CONTEXT") == "" { // an empty environment, as in an emergency, has no contexts
		err = nil
	}
	if err != nil {
		return s, err
	}
	var v apiContext
	name := first(g.context, os.Getenv("MERIDIAN_CONTEXT"), p.Current)
	if name != "" {
		if v, err = p.find(name); err != nil {
			return s, err
		}
	}
	env := os.Getenv
	if g.context != "" {
		env = func(string) string { return "" }
	}
	s.addr = first(g.addr, env("MERIDIAN_ADDR"), v.Addr, defaultAddr)
	s.token = first(g.token, env("MERIDIAN_TOKEN"))
	s.ca = first(g.ca, env("MERIDIAN_CA"))
	if name == "" {
		return s, nil
	}
	if !v.has(s.addr) {
		s.unused = fmt.Sprintf(" That of the context %s is for its own addresses alone, %s", name, v.Addr)
		return s, nil
	}
	s.ca = first(s.ca, v.CA)
	if s.token == "" {
		if s.token, err = v.secret(file); err != nil {
			return s, fmt.Errorf("the token of the context %s: %w", name, err)
		}
		if s.token == "" && v.TokenEnv != "" {
			s.unused = fmt.Sprintf(" The context %s takes it from %s, which is empty", name, v.TokenEnv)
		}
	}
	return s, nil
}
