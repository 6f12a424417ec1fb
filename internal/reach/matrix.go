package reach

import (
	"net/netip"
	"runtime"
	"sync"

	"weir/internal/cloud"
	"weir/internal/netplan"
)

// Matrix says of every pair of a VPC's interfaces, and of the internet, whether
// one reaches the other.
type Matrix struct {
	// Groups are interfaces whose flows all fare alike, in order of their first member.
	Groups [][]cloud.InterfaceID
	// Cells[i][j] is a flow from a member of group i to another member of group
	// j. The last row and the last column are the internet, whose own cell is empty.
	Cells [][]Cell
	// Self[i] is a flow of a member of group i to itself.
	Self []Cell

	group map[cloud.InterfaceID]int
}

// Cell is the verdict on one pair.
type Cell struct {
	Reachable bool
	Code      string // the vendor's explanation code, if not
}

// MatrixQuery is the flow that every pair is asked about.
type MatrixQuery struct {
	Protocol int // as in Query
	Port     int
	IPv6     bool
	Internet netip.Addr // a host on the internet, of the same family
}

// Matrix asks about every pair.
func (x *Analyser) Matrix(q MatrixQuery) *Matrix {
	m := &Matrix{group: make(map[cloud.InterfaceID]int, len(x.p.ENIs))}
	known, named, index := x.known(), x.named(), map[class]int{}
	var members [][2]*netplan.ENI // the first two of each group
	for i := range x.p.ENIs {
		e := &x.p.ENIs[i]
		c := x.class(e, known, named)
		n, ok := index[c]
		if !ok {
			n = len(m.Groups)
			index[c] = n
			m.Groups, members = append(m.Groups, nil), append(members, [2]*netplan.ENI{e, e})
		}
		m.Groups[n] = append(m.Groups[n], e.ID)
		m.group[e.ID] = n
		if len(m.Groups[n]) == 2 {
			members[n][1] = e
		}
	}
	m.Cells, m.Self = make([][]Cell, len(members)+1), make([]Cell, len(members))
	each(len(m.Cells), func(i int) { m.Cells[i] = x.row(q, members, i) })
	for i, e := range members {
		m.Self[i] = x.cell(q, e[0], e[0])
	}
	return m
}

// Between is the verdict on a pair; "" is the internet.
func (m *Matrix) Between(from, to cloud.InterfaceID) Cell {
	if from == to && from != "" {
		if i, ok := m.group[from]; ok {
			return m.Self[i]
		}
	}
	at := func(id cloud.InterfaceID) (int, bool) {
		if id == "" {
			return len(m.Groups), true
		}
		i, ok := m.group[id]
		return i, ok
	}
	i, ok1 := at(from)
	j, ok2 := at(to)
	if !ok1 || !ok2 {
		return Cell{Code: "NO_SOURCE_OR_DESTINATION"}
	}
	return m.Cells[i][j]
}

// row asks about the flows of one group, or of the internet.
func (x *Analyser) row(q MatrixQuery, members [][2]*netplan.ENI, i int) []Cell {
	row := make([]Cell, len(members)+1)
	for j := range row {
		var from, to *netplan.ENI
		if i < len(members) {
			from = members[i][0]
		}
		if j < len(members) {
			to = members[j][0]
		}
		if i == j && to != nil {
			to = members[j][1]
		}
		if from != nil || to != nil {
			row[j] = x.cell(q, from, to)
		}
	}
	return row
}

// cell asks about one flow; nil is the internet, from which a host is reached
// at its public address.
func (x *Analyser) cell(q MatrixQuery, from, to *netplan.ENI) Cell {
	ask := Query{Protocol: q.Protocol, Port: q.Port, Source: q.Internet, To: q.Internet}
	if from != nil {
		ask.From, ask.Source = from.ID, first(from, !q.IPv6)
		if !ask.Source.IsValid() {
			return Cell{Code: "ENI_ADDRESS_RESTRICTION"}
		}
	}
	if to != nil {
		ask.To = first(to, !q.IPv6)
		if !ask.To.IsValid() {
			return Cell{Code: "ENI_ADDRESS_RESTRICTION"}
		}
		if pair := x.public(ask.To); from == nil && pair != nil {
			ask.To = pair.Public
		}
	}
	a := x.follow(ask, true)
	return Cell{a.Reachable, a.Code}
}

// each calls f for 0 to n-1, on all processors.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
