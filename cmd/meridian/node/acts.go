package node

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	actsFile = "audit.jsonl"
	maxActs  = 1 << 20 // octets of a file; the one before is kept beside it
	maxShown = 1000
)

// acts is a node's own record of what never goes through Raft, in two files of a bounded size. It is
// on the disk when Note returns.
type acts struct {
	dir   string
	mutex sync.Mutex
}

// Note records an act.
func (a *acts) Note(act policy.Act) error {
	line, err := json.Marshal(act)
	if err != nil {
		return err
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	path := filepath.Join(a.dir, actsFile)
	if st, err := os.Stat(path); err == nil && st.Size()+int64(len(line)) >= maxActs {
		if err := os.Rename(path, path+".old"); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

// Acts are the newest acts on record, the newest first. A line that a crash has cut off is passed over.
func (a *acts) Acts() (list []policy.Act, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	for _, name := range []string{actsFile + ".old", actsFile} {
		f, err := os.Open(filepath.Join(a.dir, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(io.LimitReader(f, 2*maxActs))
		lines.Buffer(nil, maxActs)
		for lines.Scan() {
			var act policy.Act
			if json.Unmarshal(lines.Bytes(), &act) == nil && !act.At.IsZero() {
				list = append(list, act)
			}
		}
		f.Close()
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list[:min(len(list), maxShown)], nil
}
