package notify

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// TestARealAlertmanager: what is down fires there, and what is up again does not.
func TestARealAlertmanager(t *testing.T) {
	program, err := exec.LookPath("prometheus-alertmanager")
	if err != nil {
		t.Skip("prometheus-alertmanager is not installed (Debian: prometheus-alertmanager)")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	file := filepath.Join(t.TempDir(), "am.yml")
	if err := os.WriteFile(file, []byte("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	am := exec.Command(program, "--config.file="+file, "--storage.path="+t.TempDir(), "--web.listen-address="+addr, "--cluster.listen-address=")
	if err := am.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = am.Process.Kill()
		_ = am.Wait()
	})
	fires := func() (list []string) {
		res, err := http.Get("http://" + addr + "/api/v2/alerts?active=true")
		if err != nil {
			return nil
		}
		defer res.Body.Close()
		var alerts []struct{ Labels map[string]string }
		if json.NewDecoder(res.Body).Decode(&alerts) != nil {
			return nil
		}
		list = []string{}
		for _, a := range alerts {
			list = append(list, a.Labels["object"])
		}
		return list
	}
	eventually(t, "it runs", func() bool { return fires() != nil })
	w := newWorld(t, 2, policy.Receiver{Name: "am", Alertmanager: &policy.AlertmanagerReceiver{URL: "http://" + addr}, Route: &policy.Route{Events: []string{"pool"}}})
	n := w.notifier()
	w.lead(n)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "it fires", func() bool { f := fires(); return len(f) == 1 && f[0] == "pool/eu" })
	w.verdicts(policy.Up, "eu/a@web")
	eventually(t, "it ends", func() bool { f := fires(); return f != nil && len(f) == 0 })
	if d, err := n.Test(t.Context(), "am"); err != nil || d.Status != policy.Delivered || d.Code != 200 {
		t.Errorf("%+v %v", d, err)
	}
}
