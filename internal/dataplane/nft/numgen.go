package nft

import (
	"fmt"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// oneIn matches one packet in n, at random.
type oneIn uint32

// OneIn matches one packet in n, at random.
func OneIn(n int) Stmt { return oneIn(n) }

func (n oneIn) String() string { return fmt.Sprintf("numgen random mod %d 0", uint32(n)) }

func (n oneIn) lower(l *lowering) {
	l.add(&expr.Numgen{Register: reg(0), Modulus: uint32(n), Type: unix.NFT_NG_RANDOM},
		&expr.Cmp{Op: expr.CmpOpEq, Register: reg(0), Data: host32(0)})
}
