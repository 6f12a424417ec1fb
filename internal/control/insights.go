package control

import (
	"context"
	"time"

	"weir/internal/cloud"
)

// CreateInsightsPath is the input of Control.CreateInsightsPath.
type CreateInsightsPath struct {
	Labels
	Source        cloud.Ref
	Destination   cloud.Ref // or an address in a filter
	Protocol      int
	AtSource      cloud.PacketFilter
	AtDestination cloud.PacketFilter
}

// How many an account may keep in a region, and how long the vendor's analysis takes.
// https://docs.aws.amazon.com/vpc/latest/reachability/reachability-analyzer-limits.html
const (
	insightsPaths    = 100
	insightsAnalyses = 1000
	insightsTime     = 30 * time.Second
)

// CreateInsightsPath keeps a question about reachability. What it names need
// not exist: that is found out when it is asked.
func (c *Control) CreateInsightsPath(ctx context.Context, who Caller, in CreateInsightsPath) (*cloud.InsightsPath, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.InsightsPath, error) {
		id := func(p *cloud.InsightsPath) cloud.InsightsPathID { return p.ID }
		return once(tx, who, cloud.InsightsPaths, "insights-path", in.Labels, in, id, func() (*cloud.InsightsPath, error) {
			if in.Destination.ID == "" && !in.AtSource.Destination.IsValid() && !in.AtDestination.Destination.IsValid() {
				return nil, cloud.Errorf(cloud.Missing, cloud.KindInsightsPath, "", "destination", "a path needs a destination: a resource, or an address in a filter")
			}
			n := count(cloud.InsightsPaths.By(tx, "scope", who.scope()), nil)
			if err := within(n, insightsPaths, cloud.KindInsightsPath, "", ""); err != nil {
				return nil, err
			}
			p := &cloud.InsightsPath{
				Meta: c.meta(who, in.Labels), ID: cloud.InsightsPathID(who.NewID(cloud.KindInsightsPath)),
				Source: in.Source, Destination: in.Destination, Protocol: in.Protocol, AtSource: in.AtSource, AtDestination: in.AtDestination,
			}
			cloud.InsightsPaths.Put(tx, p)
			return p, nil
		})
	})
}

// DeleteInsightsPath deletes a path that has no analyses any more.
func (c *Control) DeleteInsightsPath(ctx context.Context, who Caller, id cloud.InsightsPathID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.InsightsPaths, cloud.KindInsightsPath, id); err != nil {
			return err
		}
		for a := range cloud.InsightsAnalyses.By(tx, "path", string(id)) {
			return cloud.Errorf(cloud.InUse, cloud.KindInsightsPath, string(id), "", "path %s still has the analysis %s; delete its analyses first", id, a.ID)
		}
		cloud.InsightsPaths.Delete(tx, id)
		return nil
	})
}

// StartInsightsAnalysis is the input of Control.StartInsightsAnalysis.
type StartInsightsAnalysis struct {
	Labels
	Path    cloud.InsightsPathID
	Through []cloud.Ref // must be passed
	Around  []cloud.Ref // must not be
}

// StartInsightsAnalysis answers a path's question on the network as it is now,
// and keeps the answer.
func (c *Control) StartInsightsAnalysis(ctx context.Context, who Caller, in StartInsightsAnalysis) (*cloud.InsightsAnalysis, error) {
	return create(ctx, c, func(tx cloud.Tx) (*cloud.InsightsAnalysis, error) {
		id := func(a *cloud.InsightsAnalysis) cloud.InsightsAnalysisID { return a.ID }
		return once(tx, who, cloud.InsightsAnalyses, "insights-analysis", in.Labels, in, id, func() (*cloud.InsightsAnalysis, error) {
			p, err := find(tx, who, cloud.InsightsPaths, cloud.KindInsightsPath, in.Path)
			if err != nil {
				return nil, err
			}
			n := count(cloud.InsightsAnalyses.By(tx, "scope", who.scope()), nil)
			if err := within(n, insightsAnalyses, cloud.KindInsightsAnalysis, "", ""); err != nil {
				return nil, err
			}
			a := &cloud.InsightsAnalysis{
				Meta: c.meta(who, in.Labels), ID: cloud.InsightsAnalysisID(who.NewID(cloud.KindInsightsAnalysis)),
				Path: p.ID, Through: in.Through, Around: in.Around,
			}
			if c.opt.SlowStates {
				a.ReadyAt = c.now().Add(insightsTime)
			}
			analyse(tx, who, p, a)
			cloud.InsightsAnalyses.Put(tx, a)
			return a, nil
		})
	})
}

// DeleteInsightsAnalysis deletes an answer.
func (c *Control) DeleteInsightsAnalysis(ctx context.Context, who Caller, id cloud.InsightsAnalysisID) error {
	return c.transact(ctx, func(tx cloud.Tx) error {
		if _, err := find(tx, who, cloud.InsightsAnalyses, cloud.KindInsightsAnalysis, id); err != nil {
			return err
		}
		cloud.InsightsAnalyses.Delete(tx, id)
		return nil
	})
}
