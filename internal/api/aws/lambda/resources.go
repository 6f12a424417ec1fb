package lambda

import (
	"reflect"
	"strconv"
	"strings"

	"weir/internal/api/wire"
)

// actions are the operations whose IAM action has another name, or that ask for more than one.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html
var actions = map[string]string{
	"Invoke":                   "lambda:InvokeFunction",
	"InvokeWithResponseStream": "lambda:InvokeFunction",
}

// Resources says what an authorised call needs: the IAM action and the ARNs it acts on.
func Resources(call *wire.Call, in any) (action string, arns []string) {
	action = actions[call.Operation]
	if action == "" {
		action = "lambda:" + call.Operation
	}
	v := reflect.Indirect(reflect.ValueOf(in))
	if v.Kind() != reflect.Struct {
		return action, []string{"*"}
	}
	if arn := layerResource(call, v); arn != "" {
		return action, []string{arn}
	}
	name := stringField(v, "FunctionName")
	if name == "" {
		name = stringField(v, "Resource") // of the tagging operations
	}
	if name == "" {
		return action, []string{"*"}
	}
	r, err := parseRefFor(call.Account, call.Region, name, stringField(v, "Qualifier"))
	if err != nil {
		return action, []string{"*"} // the operation itself will refuse the name
	}
	return action, []string{r.arn()}
}

// layerResource is the layer, or the version of one, that a call names; "" if none.
func layerResource(call *wire.Call, v reflect.Value) string {
	name := stringField(v, "LayerName")
	if name == "" {
		return stringField(v, "Arn")
	}
	if !strings.HasPrefix(name, "arn:") {
		name = layerARN(call.Account + "/" + call.Region + "/" + name)
	}
	if n, ok := fieldValue(v.FieldByName("VersionNumber")).(*int64); ok && n != nil {
		name += ":" + strconv.FormatInt(*n, 10)
	}
	return name
}

func stringField(v reflect.Value, name string) string {
	f := v.FieldByName(name)
	if p, ok := fieldValue(f).(*string); ok {
		return value(p)
	}
	return ""
}

func fieldValue(f reflect.Value) any {
	if !f.IsValid() {
		return nil
	}
	return f.Interface()
}
