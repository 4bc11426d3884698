package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// faultable is a region's backend: a real HTTP server that can be taken away, socket and all.
type faultable struct {
	mu     sync.Mutex
	server *http.Server // nil while broken
}

// backend runs a region's HTTP server on an address of its own until ctx ends.
func (d *demo) backend(ctx context.Context, i int) error {
	if err := d.heal(i); err != nil {
		return err
	}
	<-ctx.Done()
	d.breaks(i)
	return nil
}

// heal starts the region's server, if it is broken.
func (d *demo) heal(i int) error {
	f, r := &d.up[i], demoRegions[i]
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(r.backend, "8000"))
	if err != nil {
		return fmt.Errorf("the backend of %s: %w", r.name, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "Hello from %s, to %s\n", r.name, req.RemoteAddr)
	})
	f.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func(s *http.Server) {
		if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(d.out, "the backend of %s has ended: %v\n", r.name, err)
		}
	}(f.server)
	return nil
}

// breaks closes the region's server and every connection to it.
func (d *demo) breaks(i int) {
	f := &d.up[i]
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.server != nil {
		f.server.Close()
		f.server = nil
	}
}

// faults serves POST /break/REGION and POST /heal/REGION.
func (d *demo) faults(ctx context.Context) error {
	l, err := net.Listen("tcp", demoFaults)
	if err != nil {
		return fmt.Errorf("the demo's fault switch: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{what}/{region}", func(w http.ResponseWriter, req *http.Request) {
		for i, r := range demoRegions {
			if r.name != req.PathValue("region") {
				continue
			}
			switch req.PathValue("what") {
			case "break":
				d.breaks(i)
				fmt.Fprintf(w, "%s is broken: %s:8000 refuses connections\n", r.name, r.backend)
			case "heal":
				if err := d.heal(i); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
				fmt.Fprintf(w, "%s is healed: http://%s:8000/ answers\n", r.name, r.backend)
			default:
				http.Error(w, "POST /break/REGION or /heal/REGION", http.StatusNotFound)
			}
			return
		}
		var names []string
		for _, r := range demoRegions {
			names = append(names, r.name)
		}
		http.Error(w, "there is no such region; there are "+strings.Join(names, ", "), http.StatusNotFound)
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	defer context.AfterFunc(ctx, func() { s.Close() })()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
