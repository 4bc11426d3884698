package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// maxSecret bounds a secret's value, in octets.
const maxSecret = 32 << 10

func (s *server) ListSecrets(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.SecretList{Items: []api.SecretName{}}
	for name := range state.Secrets.All {
		list.Items = append(list.Items, api.SecretName{Name: name})
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// PutSecret seals the value on this node, so that it is in no log and no state in clear.
func (s *server) PutSecret(c *gin.Context, _ string, params api.PutSecretParams) {
	name := c.Param("name")
	var in api.SecretWrite
	_, err := readJSON(c, maxSmall, &in)
	switch {
	case err != nil:
	case policy.CheckLabel(name) != nil:
		err = policy.Errorf(policy.Invalid, "%v", policy.CheckLabel(name))
	case in.Value == "" || len(in.Value) > maxSecret:
		err = policy.Errorf(policy.Invalid, "the value has %d octets; 1 to %d may be", len(in.Value), maxSecret)
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	}
	var sealed []byte
	if err == nil {
		sealed, err = s.cfg.Node.Seal(name, []byte(in.Value))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	status := http.StatusOK
	if !s.cfg.Node.State().Secrets.Has(name) {
		status = http.StatusCreated
	}
	ch.Body = change.PutSecret{Secret: policy.Secret{Name: name, Sealed: sealed}}
	s.put(c, status, ch, 0)
}

func (s *server) DeleteSecret(c *gin.Context, _ string, params api.DeleteSecretParams) {
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteSecret{Name: c.Param("name")}
	s.put(c, http.StatusOK, ch, 0)
}
