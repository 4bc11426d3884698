package dnsserver

import (
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

const (
	// batch is how many packets one system call takes or sends.
	batch = 32
	// maxQuery is the largest UDP query that is read whole. What is cut off
	// there is malformed.
	maxQuery = 4096
	// maxControl is room for one IP_PKTINFO or IPV6_PKTINFO.
	maxControl = 64
	// receivePause is how long a worker waits after an error that is not the end of its socket.
	receivePause = 10 * time.Millisecond
)

// mmsghdr is the kernel's struct mmsghdr: a message, and how many octets it has.
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

// udpBatch is the memory of a worker: the kernel reads and writes it directly.
// All pointers between its parts are set once.
type udpBatch struct {
	in, out   [batch]mmsghdr
	inVec     [batch]unix.Iovec
	outVec    [batch]unix.Iovec
	from      [batch]unix.RawSockaddrInet6 // the larger of the two families
	control   [batch][maxControl]byte
	query     [batch][maxQuery]byte
	response  [batch][wire.Slack + 1536]byte
	asked     [batch]int // which query an element of out answers
	shortened [batch]bool
}

// udpWorker serves one socket.
type udpWorker struct {
	worker
	raw      syscall.RawConn
	slot     *slot
	counters *counters
	view     *View
	b        *udpBatch
	control  int // room for control messages; 0 if the socket has one address

	received, sent, toSend int
	failure                syscall.Errno
	receive, send          func(fd uintptr) bool // made once, so that calls do not allocate
}

// serveUDP answers what comes in at a socket until it is closed.
func (s *Server) serveUDP(conn *net.UDPConn) {
	w, err := s.newUDPWorker(conn)
	if err != nil {
		return // closed already
	}
	defer s.views.part(w.slot)
	for w.turn() {
	}
}

func (s *Server) newUDPWorker(conn *net.UDPConn) (*udpWorker, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := new(udpBatch)
	w := &udpWorker{worker: *s.newWorker(udp), raw: raw, slot: s.views.join(), counters: s.metrics.newUDPCounters(), b: b}
	if conn.LocalAddr().(*net.UDPAddr).IP.IsUnspecified() {
		w.control = maxControl
	}
	for i := range batch {
		b.inVec[i].Base = &b.query[i][0]
		b.inVec[i].SetLen(maxQuery)
		b.in[i].header.Iov = &b.inVec[i]
		b.in[i].header.SetIovlen(1)
		b.in[i].header.Name = (*byte)(unsafe.Pointer(&b.from[i]))
		if w.control > 0 {
			b.in[i].header.Control = &b.control[i][0]
		}
		b.out[i].header.Iov = &b.outVec[i]
		b.out[i].header.SetIovlen(1)
	}
	w.receive, w.send = w.receiveNow, w.sendNow
	return w, nil
}

// turn takes in a batch, answers it and sends the answers. It is false when the socket is closed.
func (w *udpWorker) turn() bool {
	b := w.b
	for i := range batch { // the kernel has written over these
		b.in[i].header.Namelen = unix.SizeofSockaddrInet6
		b.in[i].header.SetControllen(w.control)
	}
	w.received, w.failure = 0, 0
	if err := w.raw.Read(w.receive); err != nil {
		return false
	}
	if w.failure != 0 {
		time.Sleep(receivePause)
		return true
	}
	w.look()
	w.view = w.server.views.enter(w.slot)
	w.toSend, w.sent = 0, 0
	for i := range w.received {
		w.answer(i, 0)
	}
	err := error(nil)
	if w.toSend > 0 {
		err = w.raw.Write(w.send)
	}
	w.server.views.leave(w.slot)
	w.counters.take(&w.tally)
	return err == nil
}

// answer puts the response to a query in line for sending.
func (w *udpWorker) answer(i int, maxUDP uint16) {
	b, j := w.b, w.toSend
	in := &b.in[i]
	from := client(&b.from[i])
	w.request.MaxUDP = maxUDP
	out := w.respond(w.view, b.response[j][:0], b.query[i][:in.length], from)
	if len(out) == 0 {
		return
	}
	b.asked[j], b.shortened[j] = i, false
	b.outVec[j].Base = &out[0]
	b.outVec[j].SetLen(len(out))
	h := &b.out[j].header
	h.Name, h.Namelen = in.header.Name, in.header.Namelen
	h.Control = nil
	h.SetControllen(0)
	if n := int(in.header.Controllen); w.control > 0 && n > 0 {
		replyFrom(b.control[i][:n])
		h.Control = &b.control[i][0]
		h.SetControllen(n)
	}
	w.toSend++
}

// client is the address of a query's sender.
func client(from *unix.RawSockaddrInet6) netip.Addr {
	if from.Family == unix.AF_INET {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(from)).Addr)
	}
	return netip.AddrFrom16(from.Addr)
}

// replyFrom turns the control message of a query, which says at what address
// it came in, into one that sends the response from there (D-54). The interface is left
// to routing, except for link-local addresses, which mean nothing without.
func replyFrom(control []byte) {
	if len(control) < unix.SizeofCmsghdr {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	switch data := control[unix.CmsgLen(0):]; {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex = 0
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
		if info.Addr[0] != 0xfe || info.Addr[1]&0xc0 != 0x80 {
			info.Ifindex = 0
		}
	}
}

// receiveNow takes what has come in, and is false when there is nothing.
func (w *udpWorker) receiveNow(fd uintptr) bool {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&w.b.in[0])), batch, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			w.received = int(n)
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			w.failure = errno
			return true
		}
	}
}

// sendNow sends what is in line, and is false when the socket takes no more for now.
func (w *udpWorker) sendNow(fd uintptr) bool {
	for w.sent < w.toSend {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&w.b.out[w.sent])), uintptr(w.toSend-w.sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			w.sent += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		case unix.EMSGSIZE:
			w.shorten()
		default:
			w.tally.unsent++
			w.sent++
		}
	}
	return true
}

// shorten answers again, with TC, what was too large for the path (RFC 9715 R4).
func (w *udpWorker) shorten() {
	j, end := w.sent, w.toSend
	if w.b.shortened[j] {
		w.tally.unsent++
		w.sent++
		return
	}
	counted := w.tally // it came in once, and is counted already
	w.toSend = j
	w.answer(w.b.asked[j], wire.MinUDP)
	w.toSend, w.b.shortened[j], w.tally = end, true, counted
}
