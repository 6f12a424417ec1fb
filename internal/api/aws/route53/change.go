package route53

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"strings"
	"time"

	"weir/internal/api/wire"
)

// A change's ID says itself when the change was made, by whom and at which
// revision of the state, so nothing is kept of it.
const (
	timeBytes = 6 // milliseconds
	revBytes  = 5
	sumBytes  = 4
)

// pending is the answer to a change.
func (a *api) pending(ctx context.Context, comment *string) *ChangeInfo {
	at := a.control.Now().UTC().Truncate(time.Millisecond)
	id := changeID(wire.CallFrom(ctx).Account, at, a.control.View().Rev())
	return &ChangeInfo{Id: new("/change/" + id), Status: ChangeStatusPENDING, SubmittedAt: &at, Comment: comment}
}

func changeID(account string, at time.Time, rev uint64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))[8-timeBytes:]
	b = append(b, binary.BigEndian.AppendUint64(nil, rev)[8-revBytes:]...)
	sum := fnv.New32a()
	sum.Write(b)
	sum.Write([]byte(account))
	return "C" + strings.ToUpper(hex.EncodeToString(sum.Sum(b)))
}

func number64(b []byte) (n uint64) {
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}

// getChange answers for a change of the caller's: it is in sync when every VPC's
// resolver has it.
func (a *api) getChange(ctx context.Context, in *GetChangeInput) (*GetChangeOutput, error) {
	id := strings.TrimPrefix(*in.Id, "/change/")
	b, err := hex.DecodeString(strings.TrimPrefix(id, "C"))
	if err == nil && len(b) == timeBytes+revBytes+sumBytes {
		at, rev := time.UnixMilli(int64(number64(b[:timeBytes]))).UTC(), number64(b[timeBytes:timeBytes+revBytes])
		if id == changeID(wire.CallFrom(ctx).Account, at, rev) {
			out := &ChangeInfo{Id: new("/change/" + id), Status: ChangeStatusPENDING, SubmittedAt: &at}
			if a.shows(rev) {
				out.Status = ChangeStatusINSYNC
			}
			return &GetChangeOutput{ChangeInfo: out}, nil
		}
	}
	return nil, &wire.Error{Code: "NoSuchChange", Status: 404, Msg: "A change with the specified change ID does not exist: " + *in.Id}
}
