package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

// object is a kind of object of the configuration: a list of the document, whose members can be had, put and deleted one by one.
type object[T any] struct {
	what string // for people
	id   string // before the slash of an object's id
	key  string // of the list in the document
	tree func(*policy.State) *policy.Tree[policy.Object[T]]
	list func(*policy.Config) *[]T
	name func(*T) string
	read func(string) string // the way a name is written in State; nil: as it is
}

var (
	regions = object[policy.Region]{"region", "region", "regions",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Region]] { return s.Regions },
		func(c *policy.Config) *[]policy.Region { return &c.Regions },
		func(o *policy.Region) string { return o.Name }, nil}
	providers = object[policy.Provider]{"provider", "provider", "providers",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Provider]] { return s.Providers },
		func(c *policy.Config) *[]policy.Provider { return &c.Providers },
		func(o *policy.Provider) string { return o.Name }, nil}
	monitors = object[policy.Monitor]{"monitor", "monitor", "monitors",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Monitor]] { return s.Monitors },
		func(c *policy.Config) *[]policy.Monitor { return &c.Monitors },
		func(o *policy.Monitor) string { return o.Name }, nil}
	pools = object[policy.Pool]{"pool", "pool", "pools",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Pool]] { return s.Pools },
		func(c *policy.Config) *[]policy.Pool { return &c.Pools },
		func(o *policy.Pool) string { return o.Name }, nil}
	templates = object[policy.Template]{"template", "template", "templates",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Template]] { return s.Templates },
		func(c *policy.Config) *[]policy.Template { return &c.Templates },
		func(o *policy.Template) string { return o.Name }, nil}
	services = object[policy.Service]{"service", "service", "services",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Service]] { return s.Services },
		func(c *policy.Config) *[]policy.Service { return &c.Services },
		(*policy.Service).ID, readName}
	safetyRules = object[policy.SafetyRule]{"safety rule", "safetyRule", "safetyRules",
		func(s *policy.State) *policy.Tree[policy.Object[policy.SafetyRule]] { return s.SafetyRules },
		func(c *policy.Config) *[]policy.SafetyRule { return &c.SafetyRules },
		func(o *policy.SafetyRule) string { return o.Name }, nil}
	reviewRules = object[policy.ReviewRule]{"review rule", "reviewRule", "reviewRules",
		func(s *policy.State) *policy.Tree[policy.Object[policy.ReviewRule]] { return s.ReviewRules },
		func(c *policy.Config) *[]policy.ReviewRule { return &c.ReviewRules },
		func(o *policy.ReviewRule) string { return o.Name }, nil}
	drillPlans = object[policy.DrillPlan]{"drill plan", "drillPlan", "drillPlans",
		func(s *policy.State) *policy.Tree[policy.Object[policy.DrillPlan]] { return s.DrillPlans },
		func(c *policy.Config) *[]policy.DrillPlan { return &c.DrillPlans },
		func(o *policy.DrillPlan) string { return o.Name }, nil}
	places = object[policy.PlaceOverride]{"place", "place", "places",
		func(s *policy.State) *policy.Tree[policy.Object[policy.PlaceOverride]] { return s.Places },
		func(c *policy.Config) *[]policy.PlaceOverride { return &c.Places },
		(*policy.PlaceOverride).ID, readPlace}
	receivers = object[policy.Receiver]{"notification", "notification", "notifications",
		func(s *policy.State) *policy.Tree[policy.Object[policy.Receiver]] { return s.Receivers },
		func(c *policy.Config) *[]policy.Receiver { return &c.Notifications },
		func(o *policy.Receiver) string { return o.Name }, nil}
)

// objectKind is what one needs to know of an object whatever its type.
type objectKind struct {
	key, what, path string
	names           func(*policy.Config) []string
}

func (o object[T]) kind() objectKind {
	path := o.key
	switch o.key {
	case "safetyRules":
		path = "safety-rules"
	case "drillPlans":
		path = "drill-plans"
	case "reviewRules":
		path = "review-rules"
	}
	return objectKind{o.key, o.what, path, func(c *policy.Config) (names []string) {
		list := *o.list(c)
		for i := range list {
			names = append(names, o.name(&list[i]))
		}
		return names
	}}
}

// readName is a DNS name whose case and final dot do not matter.
func readName(name string) string {
	if n, err := policy.ParseName(name); err == nil {
		return n.String()
	}
	return name
}

func readPlace(name string) string {
	if p, err := netip.ParsePrefix(name); err == nil {
		return p.String()
	}
	return strings.ToUpper(name)
}

// find is the name in the path, as State has it.
func (o object[T]) find(c *gin.Context) string {
	if o.read != nil {
		return o.read(c.Param("name"))
	}
	return c.Param("name")
}

func (o object[T]) getAll(s *server, c *gin.Context) {
	state := s.cfg.Node.State()
	items := make([]T, 0, o.tree(state).Len())
	for _, v := range o.tree(state).All {
		items = append(items, v.Spec)
	}
	text, err := document.EncodeValue(map[string]any{"items": items}, document.JSON)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, state.ConfigRevision)
	c.Data(http.StatusOK, mediaJSON, text)
}

func (o object[T]) get(s *server, c *gin.Context) {
	state := s.cfg.Node.State()
	v, ok := o.tree(state).Get(o.find(c))
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no %s %q", o.what, c.Param("name")))
		return
	}
	text, err := document.EncodeValue(v.Spec, document.JSON)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, v.Rev)
	c.Data(http.StatusOK, mediaJSON, text)
}

// objectPut and objectDelete are the parameters of every PUT and DELETE of an object.
type (
	objectPut    api.PutRegionParams
	objectDelete api.DeleteRegionParams
)

func (o object[T]) put(s *server, c *gin.Context, params objectPut) {
	name := o.find(c)
	var v T
	data, err := readJSON(c, maxObject, &v)
	var doc policy.Config
	if err == nil {
		if got := o.name(&v); got != name {
			err = &policy.Error{Kind: policy.Invalid, Message: "the body is another object than the path", Problems: []policy.Problem{
				{Pointer: "/name", Message: fmt.Sprintf("the path says %s %q and the body %q; an object keeps its name: put one of the new name and delete the old", o.what, name, got)}}}
		}
		*o.list(&doc) = []T{v}
	}
	if err == nil {
		err = o.alone(document.CheckObjects(&doc))
	}
	switch params.IfNoneMatch {
	case "", "*":
	default:
		err = policy.Errorf(badRequest, "If-None-Match has to be *, which says that there must be none yet, not %s", params.IfNoneMatch)
	}
	if err == nil && params.IfNoneMatch != "" {
		if params.IfMatch != "" {
			err = policy.Errorf(badRequest, "If-Match and If-None-Match exclude each other")
		}
		params.IfMatch = "0"
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	if err != nil {
		s.refuse(c, document.Locate(data, "", err))
		return
	}
	status := http.StatusOK
	if !o.tree(s.cfg.Node.State()).Has(name) {
		status = http.StatusCreated
	}
	ch.Body = change.PutObject{Config: doc, Force: params.Force}
	out, err := s.try(c, ch, len(data))
	if err != nil {
		s.refuse(c, document.Locate(data, "", err))
		return
	}
	r := s.settle(c, out)
	r.Warnings = append(r.Warnings, s.warnings()...)
	s.render(c, status, r)
}

// alone turns pointers into a document of one object into pointers into that object.
func (o object[T]) alone(err error) error {
	var refusal *policy.Error
	if errors.As(err, &refusal) {
		for i := range refusal.Problems {
			refusal.Problems[i].Pointer = strings.TrimPrefix(refusal.Problems[i].Pointer, "/"+o.key+"/0")
		}
	}
	return err
}

func (o object[T]) delete(s *server, c *gin.Context, params objectDelete) {
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteObject{Object: o.id + "/" + o.find(c), Force: params.Force}
	s.put(c, http.StatusOK, ch, 0)
}
