package probes

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// Config is what a Prober needs. Fields without a stated default must be set.
type Config struct {
	Vantage string // member id of this node, for reports
	Guard   Guard  // the zero Guard lets through public addresses only

	// Exec are the programs that exec monitors may run, by the names that monitors call them by (Target.Exec).
	Exec map[string]string
	// Secret opens a credential by name. Nil: checks that need one are refused.
	Secret func(name string) (string, error)
	// Abstaining says whether reports should say so: References.Abstaining. Nil: never.
	Abstaining func() bool
	// OnSample is told of every sample that counted, in order for each check, with
	// the opinion before and after it. Sample.Started counts from Prober.Base. It holds
	// up only the target it is about. Nil: nobody is told.
	OnSample func(check string, s policy.Sample, before, after policy.Opinion)
	// Concurrency is how many probes run at once at most; the others wait their turn. Default DefaultConcurrency.
	Concurrency int
	Log         *slog.Logger          // nil: no log
	Registry    prometheus.Registerer // nil: no metrics

	// Seams; the zero values are production.
	Resolver *net.Resolver   // nil: the system's configuration
	Roots    *x509.CertPool  // nil: the system's
	Kinds    map[string]Kind // nil: Kinds()
	Rand     func() float64  // in [0, 1); nil: math/rand/v2
	Boot     uint64          // of reports; 0: random
}

// DefaultConcurrency is how many probes run at once unless Config says otherwise:
// 20,000 checks every 10 s, half of them hanging for 2 s, need 2000. Each costs a file descriptor.
const DefaultConcurrency = 2048

// maxPhase bounds the wait before the first probe of a target that is rarely
// probed, so that a new endpoint is not unknown for an hour.
const maxPhase = 30 * time.Second

// Prober probes every check of a configuration, each at its own interval, and
// holds this vantage's opinions. Its methods may be called at any time, also
// before and after Run.
type Prober struct {
	cfg     Config
	base    time.Time
	metrics *metrics
	slots   chan struct{} // one for each running probe
	wake    chan struct{} // the schedule has changed
	changed chan struct{}

	mu       sync.Mutex
	seq      uint64
	order    []*task // by check id
	works    map[workKey]*work
	schedule schedule
	answers  answers
	alarmed  bool

	asked asked
}

// task is one check, under the Prober's lock.
type task struct {
	check policy.Check
	work  *work
	track health.Track
}

// work is one target on its schedule, under the Prober's lock. Checks that ask
// the same of a target equally often share it: one probe, one sample for all.
type work struct {
	key     workKey
	invert  bool      // a success is a probe that failed
	tasks   []*task   // in order of check ids; none when nobody asks any more
	next    time.Time // of the next probe; its phase never drifts
	settles float64   // above 0: the next turn is an early one, and this share of the interval comes after it
	running bool
	recent  recent
}

// workKey is what checks must agree in to share their probes. The revision is of all that is probed.
type workKey struct {
	revision          uint64
	interval, timeout policy.Duration
}

func keyOf(c *policy.Check) workKey {
	return workKey{c.Revision, c.Monitor.Interval, c.Monitor.Timeout}
}

// answers counts targets by their last sample: ok are those that answered. Refused
// samples are not counted, nor those of inverted monitors that had no answer.
type answers struct{ sampled, ok int }

func (a *answers) add(w *work, n int) {
	s, ok := w.recent.last()
	if !ok || s.Refused || w.invert && s.OK { // no answer is what an inverted monitor likes, and no proof of anything
		return
	}
	a.sampled += n
	if s.OK || w.invert {
		a.ok += n
	}
}

// New makes a Prober without checks. It fails when a name of its metrics is taken in the registry.
func New(cfg Config) (*Prober, error) {
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = DefaultConcurrency
	}
	if cfg.Abstaining == nil {
		cfg.Abstaining = func() bool { return false }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Resolver == nil {
		cfg.Resolver = &net.Resolver{PreferGo: true}
	}
	if cfg.Kinds == nil {
		cfg.Kinds = Kinds()
	}
	if cfg.Rand == nil {
		cfg.Rand = mathrand.Float64
	}
	if cfg.Boot == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails: it ends the program rather
		cfg.Boot = binary.BigEndian.Uint64(b[:]) | 1
	}
	p := &Prober{
		cfg: cfg, base: time.Now(), slots: make(chan struct{}, cfg.Concurrency),
		wake: make(chan struct{}, 1), changed: make(chan struct{}, 1), works: map[workKey]*work{},
	}
	p.metrics = newMetrics(cfg.Kinds, p)
	if cfg.Registry != nil {
		if err := p.metrics.register(cfg.Registry); err != nil {
			return nil, errors.New("probes: metrics: " + err.Error())
		}
	}
	return p, nil
}

// Base is the moment from which Sample.Started counts. It carries the monotonic clock.
func (p *Prober) Base() time.Time { return p.base }

// Changed fires after the status of any opinion has changed. Changes that come
// together, or that nobody has taken notice of yet, fire once.
func (p *Prober) Changed() <-chan struct{} { return p.changed }

// Report is the whole table of this vantage's opinions, in order of check ids.
// It is the caller's to keep.
func (p *Prober) Report() policy.Report {
	r := p.table()
	// Asked last, so that the samples behind the opinions are known to whoever
	// answers, and without the lock, because References asks Answers.
	r.Abstaining = p.cfg.Abstaining()
	return r
}

func (p *Prober) table() policy.Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq++
	r := policy.Report{Vantage: p.cfg.Vantage, Boot: p.cfg.Boot, Seq: p.seq, Opinions: make([]policy.Opinion, len(p.order))}
	for i, t := range p.order {
		r.Opinions[i] = t.track.Opinion(t.check)
	}
	return r
}

// find gives the task of a check, or nil. The lock must be held.
func (p *Prober) find(check string) *task {
	i, ok := slices.BinarySearchFunc(p.order, check, func(t *task, id string) int { return strings.Compare(t.check.ID, id) })
	if !ok {
		return nil
	}
	return p.order[i]
}

// Answers counts the targets that were probed at all, and those that answered
// the last probe, whether their monitor likes that or not. Probes that were refused,
// and those of inverted monitors that had no answer, count as not made.
func (p *Prober) Answers() (sampled, ok int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answers.sampled, p.answers.ok
}

// probe makes one probe of a target, and takes note of what it found.
func (p *Prober) probe(ctx context.Context, w *work, check policy.Check) {
	start, blind := time.Now(), p.cfg.Abstaining()
	s := p.sample(ctx, check, nil)
	if ctx.Err() != nil {
		return // the node is stopping: the sample says nothing
	}
	s.Blind = blind // it may have its network back since, which came too late for this probe
	s.Started = int64(start.Sub(p.base))
	p.metrics.observe(kindOf(check.Monitor), s)
	p.settle(w, s)
}

// sample makes one probe as a check says.
func (p *Prober) sample(ctx context.Context, check policy.Check, trace *Trace) policy.Sample {
	run := p.cfg.Kinds[kindOf(check.Monitor)]
	if run == nil {
		return policy.Sample{Refused: true, Cause: policy.CauseNotSent, Error: "not probed: the monitor is of no kind that this version knows"}
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(check.Monitor.Timeout))
	defer cancel()
	s := run(limited, Target{Check: check, Guard: p.cfg.Guard, Secret: p.cfg.Secret, Resolver: p.cfg.Resolver, Roots: p.cfg.Roots, Exec: p.cfg.Exec, Trace: trace})
	if check.Monitor.Invert && !s.Refused {
		s.OK = !s.OK
		if s.Cause, s.Detail, s.Error = policy.CauseNone, 0, ""; !s.OK {
			s.Cause, s.Error = policy.CauseContent, "it answers, and the monitor is inverted"
		}
	}
	return s
}

// told is what a sample has done to a check.
type told struct {
	check         string
	before, after policy.Opinion
}

// settle adds a sample to the tracks of all checks of a target and tells who wants to know.
func (p *Prober) settle(w *work, s policy.Sample) {
	p.mu.Lock()
	if len(w.tasks) > 0 {
		p.answers.add(w, -1)
		w.recent = w.recent.add(s)
		p.answers.add(w, 1)
		p.alarm()
	}
	p.mu.Unlock()
	// Asked when the sample is among Answers, since it may be the one that tells, and
	// without the lock, because References asks Answers.
	s.Blind = s.Blind || p.cfg.Abstaining()
	p.mu.Lock()
	var news []told
	turned := false
	if len(w.tasks) > 0 {
		for _, t := range w.tasks {
			before := t.track.Opinion(t.check)
			t.track = t.track.Next(s, t.check.Monitor)
			turned = turned || before.Status != t.track.Status()
			if p.cfg.OnSample != nil {
				news = append(news, told{t.check.ID, before, t.track.Opinion(t.check)})
			}
		}
	}
	p.mu.Unlock()
	if turned {
		signal(p.changed)
	}
	for _, n := range news {
		p.cfg.OnSample(n.check, s, n.before, n.after)
	}
	p.mu.Lock()
	w.running = false
	p.mu.Unlock()
}

// alarm logs when most targets fail at once, which points at this vantage rather
// than at all of them (I-08), and when that is over.
func (p *Prober) alarm() {
	const few = 4 // of so few checks, most may well fail together
	failing := p.answers.sampled - p.answers.ok
	most := p.answers.sampled >= few && 2*failing > p.answers.sampled
	if most == p.alarmed {
		return
	}
	p.alarmed = most
	if most {
		p.cfg.Log.Warn("most targets fail from here; if other nodes see them up, look at this node's network", "failing", failing, "probed", p.answers.sampled)
		return
	}
	p.cfg.Log.Info("most targets answer again", "failing", failing, "probed", p.answers.sampled)
}

// signal fires a channel of one place that may already have fired.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
