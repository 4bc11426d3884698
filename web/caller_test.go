package web

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

func TestPasswordsAreNotBlanks(t *testing.T) {
	for password, want := range map[string]string{
		strings.Repeat(" ", 20):     "nothing but blanks",
		"\u00a0\t" + "            ": "nothing but blanks",
		"      short      ":         "has 5 characters",
		"correct horse battery":     "",
	} {
		err := checkPassword("/password", password)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// Who may not is told how they, and not somebody with a token, come to may.
func TestAdviceFitsTheCaller(t *testing.T) {
	for actor, want := range map[string]string{
		"0a1b2c3d":              "meridian token create NAME --role editor",
		"user/anna":             "meridian user set anna --role editor",
		"oidc/anna@example.com": "meridian oidc",
	} {
		who := caller{actor: actor, who: actor, role: policy.RoleViewer}
		c, engine := gin.CreateTestContext(httptest.NewRecorder())
		var got *policy.Error
		engine.PUT(base+"/pools/:name", func(c *gin.Context) { got = permit(c, who) })
		c.Request = httptest.NewRequest("PUT", base+"/pools/x", nil)
		engine.HandleContext(c)
		if got == nil || got.Kind != forbidden || !strings.Contains(got.Message, want) || (actor != "0a1b2c3d") == strings.Contains(got.Message, "meridian token") {
			t.Errorf("%s: %v", actor, got)
		}
	}
}
