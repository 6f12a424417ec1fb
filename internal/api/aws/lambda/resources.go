package lambda

import (
	"reflect"

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
