package wire

import (
	"sync"
	"time"
)

// nonces remembers which signatures were used, for as long as their times are
// acceptable. Two generations change places, so that nothing is swept.
type nonces struct {
	mu        sync.Mutex // guards all
	now, then map[string]bool
	turned    time.Time
}

// maxNonces bounds one generation; a fuller one turns early, and then knows less
// than it should of a flood.
const maxNonces = 1 << 20

// fresh tells whether a key uses a nonce for the first time, and notes it.
func (n *nonces) fresh(key, nonce string, now time.Time) bool {
	id := key + "\x00" + nonce
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now == nil || now.Sub(n.turned) > 2*maxACSSkew || len(n.now) >= maxNonces {
		n.then, n.now, n.turned = n.now, map[string]bool{}, now
	}
	if n.now[id] || n.then[id] {
		return false
	}
	n.now[id] = true
	return true
}
