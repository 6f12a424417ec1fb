package sls

import (
	"context"
	"fmt"
	"math/big"
	"strconv"

	"weir/internal/logs"
)

// shards are the number of a logstore's shards, which is all that they are: its
// lines are in one place.
func shards(g logs.Group) int64 {
	n, err := strconv.ParseInt(g.Attrs[attrShards], 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// listShards divides the space of keys, MD5 sums, evenly.
// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-listshards
func (a *api) listShards(ctx context.Context, in *ListShardsInput) (*ListShardsOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	n := shards(g)
	out := &ListShardsOutput{Items: []Shard{}}
	for i := range n {
		out.Items = append(out.Items, Shard{ShardID: new(i), Status: new("readwrite"), InclusiveBeginKey: new(bound(i, n)), ExclusiveEndKey: new(bound(i+1, n)), CreateTime: new(g.Created.Unix())})
	}
	return out, nil
}

// bound is where the i-th of n shards begins.
func bound(i, n int64) string {
	top := new(big.Int).Lsh(big.NewInt(1), 128)
	if i == n {
		return fmt.Sprintf("%032x", top.Sub(top, big.NewInt(1)))
	}
	return fmt.Sprintf("%032x", top.Div(top.Mul(top, big.NewInt(i)), big.NewInt(n)))
}

// How a logstore is paid for, which costs nobody anything.
const byFunction, byIngest = "ChargeByFunction", "ChargeByDataIngest"

// https://www.alibabacloud.com/help/en/sls/developer-reference/api-sls-2020-12-30-getlogstoremeteringmode
func (a *api) getLogStoreMeteringMode(ctx context.Context, in *GetLogStoreMeteringModeInput) (*GetLogStoreMeteringModeOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	mode := g.Attrs[attrMetering]
	if mode == "" {
		mode = byFunction
	}
	return &GetLogStoreMeteringModeOutput{MeteringMode: &mode}, nil
}

func (a *api) updateLogStoreMeteringMode(ctx context.Context, in *UpdateLogStoreMeteringModeInput) (*UpdateLogStoreMeteringModeOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	if *in.MeteringMode != byFunction && *in.MeteringMode != byIngest {
		return nil, invalid("meteringMode is invalid: want " + byFunction + " or " + byIngest)
	}
	return nil, a.change(ctx, g.Name, func(g *logs.Group) error {
		g.Attrs[attrMetering] = *in.MeteringMode
		return nil
	})
}
