package raftstore

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/raft"
)

// layer is the raft.StreamLayer of one run of Raft over the port's streams.
type layer struct {
	Streams
	addr string
	ctx  context.Context
	end  context.CancelFunc
}

func newLayer(s Streams, addr string) *layer {
	l := &layer{Streams: s, addr: addr}
	l.ctx, l.end = context.WithCancel(context.Background())
	return l
}

// Accept gives the next stream from another node.
func (l *layer) Accept() (net.Conn, error) { return l.Streams.Accept(l.ctx) }

// Dial opens a stream to another node.
func (l *layer) Dial(addr raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	return l.Streams.Dial(string(addr), timeout)
}

// Close ends Accept. The streams are the port's, and go on for the next run.
func (l *layer) Close() error { l.end(); return nil }

// Addr is the address at which others reach this node.
func (l *layer) Addr() net.Addr { return address(l.addr) }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// transport is Raft's own, except that asking for a vote is tried again on
// another connection when the first turns out to be dead. Connections for votes
// lie in the pool from one election to the next; when the other node was
// restarted meanwhile they are all dead, and a candidate would lose its
// election, and a second of everybody's time, over it.
type transport struct{ *raft.NetworkTransport }

const poolSize = 3

// RequestVote asks for a vote.
func (t transport) RequestVote(id raft.ServerID, addr raft.ServerAddress, req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return overDead(func() error { return t.NetworkTransport.RequestVote(id, addr, req, resp) })
}

// RequestPreVote asks whether a vote would be given.
func (t transport) RequestPreVote(id raft.ServerID, addr raft.ServerAddress, req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return overDead(func() error { return t.NetworkTransport.RequestPreVote(id, addr, req, resp) })
}

// overDead tries until a connection was alive: each pooled one once, and a new one.
func overDead(rpc func() error) (err error) {
	for range poolSize + 1 {
		if err = rpc(); err == nil || !isDead(err) {
			return err
		}
	}
	return err
}

func isDead(err error) bool {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	// The decoder of answers gives the text of what ended its reading, and not the error.
	for _, dead := range []error{io.EOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if strings.Contains(err.Error(), dead.Error()) {
			return true
		}
	}
	return false
}
