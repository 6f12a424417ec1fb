package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// jsonWriter encodes the answers of JSON services.
type jsonWriter struct {
	bytes.Buffer
	// acs writes Alibaba Cloud's form: a list with item names is an object around
	// one, and a list that is not there is an empty one.
	acs bool
}

// structure writes the members that travel in the body.
func (w *jsonWriter) structure(plan *structPlan, v reflect.Value) {
	w.WriteByte('{')
	w.membersOf(plan, v, true)
	w.WriteByte('}')
}

func (w *jsonWriter) membersOf(plan *structPlan, v reflect.Value, first bool) {
	for i := range plan.fields {
		f := &plan.fields[i]
		if f.loc != inBody || f.t.kind == kEvents {
			continue
		}
		x, ok := f.t.source(v.Field(f.index))
		if !ok && !((f.always || w.acs) && f.t.kind == kList) {
			continue
		}
		if !first {
			w.WriteByte(',')
		}
		first = false
		w.string(f.out)
		w.WriteByte(':')
		if w.acs && f.item != "" {
			w.WriteByte('{')
			w.string(f.item)
			w.WriteByte(':')
			w.value(f.t, x, f.ts)
			w.WriteByte('}')
			continue
		}
		w.value(f.t, x, f.ts)
	}
}

func (w *jsonWriter) value(t *typePlan, v reflect.Value, ts string) {
	switch t.kind {
	case kStruct:
		w.structure(t.fields, v)
	case kList:
		w.WriteByte('[')
		for i := range v.Len() {
			if i > 0 {
				w.WriteByte(',')
			}
			w.element(t.elem, v.Index(i))
		}
		w.WriteByte(']')
	case kMap:
		w.WriteByte('{')
		for i, k := range sortedMapKeys(v) {
			if i > 0 {
				w.WriteByte(',')
			}
			w.string(k.String())
			w.WriteByte(':')
			w.element(t.elem, v.MapIndex(k))
		}
		w.WriteByte('}')
	case kString:
		w.string(v.String())
	case kBool:
		w.Write(strconv.AppendBool(w.AvailableBuffer(), v.Bool()))
	case kInt:
		w.Write(strconv.AppendInt(w.AvailableBuffer(), v.Int(), 10))
	case kFloat:
		w.float(v.Float(), t.typ.Bits())
	case kTime:
		at := v.Interface().(time.Time)
		if ts == "" || ts == unix {
			w.WriteString(formatTime(at, unix))
		} else {
			w.string(formatTime(at, ts))
		}
	case kBlob:
		w.string(base64.StdEncoding.EncodeToString(v.Bytes()))
	}
}

func (w *jsonWriter) element(t *typePlan, v reflect.Value) {
	if x, ok := t.source(v); ok {
		w.value(t, x, "")
	} else {
		w.WriteString("null")
	}
}

// float writes what JSON has no number for as the strings that models define.
func (w *jsonWriter) float(n float64, bits int) {
	switch {
	case math.IsNaN(n):
		w.WriteString(`"NaN"`)
	case math.IsInf(n, 1):
		w.WriteString(`"Infinity"`)
	case math.IsInf(n, -1):
		w.WriteString(`"-Infinity"`)
	default:
		w.Write(strconv.AppendFloat(w.AvailableBuffer(), n, 'g', -1, bits))
	}
}

func (w *jsonWriter) string(s string) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ := json.Marshal(s) // replaces invalid UTF-8; cannot fail
			w.Write(b)
			return
		}
	}
	w.WriteByte('"')
	w.WriteString(s)
	w.WriteByte('"')
}

func sortedMapKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}
