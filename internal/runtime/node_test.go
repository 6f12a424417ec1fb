package runtime

import (
	"testing"
)

func TestNode(t *testing.T) {
	e, log := engine(t), &journal{}
	p := prepare(t, e, "nodejs20.x", log)
	dir := deploy(t, map[string]string{"index.js": `
exports.handler = async (event, context) => {
  console.log("hello from", context.functionName);
  return {got: event, colour: process.env.COLOUR, request: context.awsRequestId};
};`})
	if err := p.Init(t.Context(), function(dir, "index.handler")); err != nil {
		t.Fatal(err, log.text())
	}
	for range 3 {
		res, err := p.Invoke(t.Context(), event(`{"a": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		want := `{"got":{"a":1},"colour":"blue","request":"` + requestID + `"}`
		if string(res.Payload) != want || res.FunctionError {
			t.Errorf("result = %s %+v, want %s", res.Payload, res, want)
		}
	}
	t.Log(log.text())
}
