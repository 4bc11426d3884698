package raftstore

import (
	"context"
	"net"
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
