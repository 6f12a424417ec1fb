package sls

import (
	"context"
	"encoding/json"

	"weir/internal/api/wire"
	"weir/internal/logs"
)

// An index is what the vendor's queries need. Here they look at the lines
// themselves, so that it is only kept for who asks for it.

// index is what is kept of one.
type index struct {
	Keys  map[string]IndexKey
	Line  *IndexLine
	Max   *int64
	Since int64
}

func (a *api) putIndex(ctx context.Context, project, logstore string, x index, again bool) error {
	g, err := a.logstore(scope(ctx), project, logstore)
	if err != nil {
		return err
	}
	if x.Keys == nil && x.Line == nil {
		return &wire.Error{Code: "IndexInfoInvalid", Msg: "An index needs keys or line"}
	}
	x.Since = a.now().Unix()
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return a.change(ctx, g.Name, func(g *logs.Group) error {
		switch has := g.Attrs[attrIndex] != ""; {
		case has && !again:
			return &wire.Error{Code: "IndexAlreadyExist", Msg: "log store index is already created"}
		case !has && again:
			return noIndex()
		}
		g.Attrs[attrIndex] = string(b)
		return nil
	})
}

func noIndex() error {
	return &wire.Error{Code: "IndexConfigNotExist", Msg: "index config doesn't exist"}
}

func (a *api) createIndex(ctx context.Context, in *CreateIndexInput) (*CreateIndexOutput, error) {
	return nil, a.putIndex(ctx, *in.Project, *in.Logstore, index{Keys: in.Keys, Line: in.Line, Max: in.MaxTextLen}, false)
}

func (a *api) updateIndex(ctx context.Context, in *UpdateIndexInput) (*UpdateIndexOutput, error) {
	return nil, a.putIndex(ctx, *in.Project, *in.Logstore, index{Keys: in.Keys, Line: in.Line, Max: in.MaxTextLen}, true)
}

func (a *api) getIndex(ctx context.Context, in *GetIndexInput) (*GetIndexOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	var x index
	if json.Unmarshal([]byte(g.Attrs[attrIndex]), &x) != nil {
		return nil, noIndex()
	}
	out := &GetIndexOutput{IndexMode: new("v2"), Keys: x.Keys, LastModifyTime: &x.Since, MaxTextLen: x.Max, Storage: new("pg"), Ttl: logstoreFacts(g).Ttl}
	if l := x.Line; l != nil {
		out.Line = &Line{CaseSensitive: l.CaseSensitive, Chn: l.Chn, ExcludeKeys: l.ExcludeKeys, IncludeKeys: l.IncludeKeys, Token: l.Token}
	}
	return out, nil
}

func (a *api) deleteIndex(ctx context.Context, in *DeleteIndexInput) (*DeleteIndexOutput, error) {
	g, err := a.logstore(scope(ctx), *in.Project, *in.Logstore)
	if err != nil {
		return nil, err
	}
	return nil, a.change(ctx, g.Name, func(g *logs.Group) error {
		if g.Attrs[attrIndex] == "" {
			return noIndex()
		}
		delete(g.Attrs, attrIndex)
		return nil
	})
}
