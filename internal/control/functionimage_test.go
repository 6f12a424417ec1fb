package control

import (
	"testing"
	"time"

	"weir/internal/cloud"
)

// imaged are the settings of a function of an image.
func imaged(ref string) FunctionSettings {
	img := &cloud.Image{Ref: ref}
	return FunctionSettings{Image: &img, Network: &FunctionNetworkSettings{Unchecked: true}}
}

// TestImages: a function waits for its image; a change waits beside what runs.
func TestImages(t *testing.T) {
	w := newFunctionWorld(t)
	fn, err := w.CreateFunction(t.Context(), w.who, CreateFunction{Name: "f", Settings: imaged("r:1"), Publish: true})
	if err != nil || !fn.Latest.Image.Pending() {
		t.Fatalf("%+v, %v", fn, err)
	}
	settle := func(revision, resolved, problem string) *cloud.Function {
		t.Helper()
		if err := w.SettleImage(t.Context(), ImageResult{Function: fn.Key, Revision: revision, Resolved: resolved, Problem: problem}); err != nil {
			t.Fatal(err)
		}
		now, _ := cloud.Functions.Get(w.View(), fn.Key)
		return now
	}
	change := func(ref string, publish bool) (*cloud.Function, error) {
		w.clock = w.clock.Add(time.Minute)
		return w.UpdateFunctionSettings(t.Context(), w.who, UpdateFunctionSettings{Name: "f", Settings: imaged(ref), Publish: publish})
	}
	if _, err := change("r:2", false); !cloud.IsKind(err, cloud.Conflict) {
		t.Errorf("a change before the image is here: %v", err)
	}
	if now := settle("another", "r@a", ""); !now.Latest.Image.Pending() {
		t.Error("an image of another revision counts")
	}
	now := settle(fn.Latest.RevisionID, "r@a", "")
	if v, _ := now.Numbered(w.View(), 1); now.Latest.Image.Resolved != "r@a" || v.Image.Resolved != "r@a" {
		t.Errorf("the image is here: %+v, version 1 %+v", now.Latest.Image, v.Image)
	}

	now, err = change("r:2", true)
	if err != nil || now.Next == nil || now.Latest.Image.Ref != "r:1" || now.LastVersion != 2 {
		t.Fatalf("a change: %+v, %v", now, err)
	}
	if _, err := w.PublishVersion(t.Context(), w.who, PublishVersion{Name: "f"}); !cloud.IsKind(err, cloud.Conflict) {
		t.Errorf("a version while a change is under way: %v", err)
	}
	now = settle(now.Next.RevisionID, "", "gone")
	if v, _ := now.Numbered(w.View(), 2); now.Next != nil || now.Latest.Image.Ref != "r:1" || now.Latest.Update.Status != "failed" || !v.Image.Failed() {
		t.Errorf("a change whose image never came: %+v, version 2 %+v", now.Latest, v.Image)
	}

	if now, err = change("r:3", false); err != nil {
		t.Fatal(err)
	}
	now = settle(now.Next.RevisionID, "r@c", "")
	if now.Next != nil || now.Latest.Image.Resolved != "r@c" || now.Latest.Update.Status != "successful" {
		t.Errorf("a change whose image came: %+v", now.Latest)
	}
	if now = settle(now.Latest.RevisionID, "", "moved"); !now.Latest.Image.Failed() || now.Latest.Image.Resolved != "r@c" {
		t.Errorf("an image that is lost later: %+v", now.Latest.Image)
	}
	if now, err = change("r:4", false); err != nil || now.Next != nil || !now.Latest.Image.Pending() {
		t.Errorf("a change of what cannot run: %+v, %v", now, err)
	}
}
