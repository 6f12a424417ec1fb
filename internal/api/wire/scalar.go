package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Timestamp formats, as models call them.
const (
	iso8601 = "iso8601"
	rfc822  = "rfc822"
	unix    = "unixTimestamp"
)

const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

// target returns the settable value behind v, allocating its pointer.
func (t *typePlan) target(v reflect.Value) reflect.Value {
	if !t.ptr {
		return v
	}
	if v.IsNil() {
		v.Set(reflect.New(t.typ))
	}
	return v.Elem()
}

// source returns the value behind v, and whether there is one. An enumeration's
// empty string is none; so is a nil list, map or blob.
func (t *typePlan) source(v reflect.Value) (reflect.Value, bool) {
	if t.ptr {
		if v.IsNil() {
			return v, false
		}
		return v.Elem(), true
	}
	switch t.kind {
	case kList, kMap, kBlob, kEvents:
		return v, !v.IsNil()
	case kString:
		return v, t.enum == "" || v.Len() > 0
	}
	return v, true
}

// setText parses a scalar that travels as text.
func (t *typePlan) setText(v reflect.Value, s, ts string) error {
	v = t.target(v)
	switch t.kind {
	case kString:
		v.SetString(s)
	case kBool:
		switch strings.ToLower(s) {
		case "true", "1":
			v.SetBool(true)
		case "false", "0":
			v.SetBool(false)
		default:
			return errors.New("not a boolean")
		}
	case kInt:
		n, err := strconv.ParseInt(s, 10, t.typ.Bits())
		if err != nil {
			return errors.New("not an integer in range")
		}
		v.SetInt(n)
	case kFloat:
		n, err := strconv.ParseFloat(s, t.typ.Bits())
		if err != nil {
			return errors.New("not a number in range")
		}
		v.SetFloat(n)
	case kTime:
		at, err := parseTime(s, ts)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(at))
	case kBlob:
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return errors.New("not base64")
		}
		v.SetBytes(b)
	default:
		return fmt.Errorf("not a scalar: %v", t.typ)
	}
	return nil
}

// setStyled parses a list, map or structure that travels as one parameter's text.
func (f *field) setStyled(v reflect.Value, s string) error {
	switch {
	case s == "":
		return nil
	case f.style == commas:
		return bindAll(strings.Split(s, ","), f, v)
	}
	return readValue(s, f.t, v)
}

// text formats a scalar that travels as text; v comes from source.
func (t *typePlan) text(v reflect.Value, ts string) string {
	switch t.kind {
	case kString:
		return v.String()
	case kBool:
		return strconv.FormatBool(v.Bool())
	case kInt:
		return strconv.FormatInt(v.Int(), 10)
	case kFloat:
		return strconv.FormatFloat(v.Float(), 'g', -1, t.typ.Bits())
	case kTime:
		return formatTime(v.Interface().(time.Time), ts)
	case kBlob:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	}
	panic(fmt.Sprintf("wire: %v is not a scalar", t.typ))
}

// parseTime is lenient about which of the formats a client uses.
func parseTime(s, _ string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04Z", "20060102T150405Z", "2006-01-02", httpDate, time.RFC1123Z} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return fromUnix(n)
	}
	return time.Time{}, errors.New("not a timestamp")
}

// fromUnix keeps milliseconds, and refuses what no calendar holds.
func fromUnix(n float64) (time.Time, error) {
	if math.IsNaN(n) || math.Abs(n) > 253402300799 { // 9999-12-31
		return time.Time{}, errors.New("timestamp out of range")
	}
	return time.UnixMilli(int64(math.Round(n * 1000))).UTC(), nil
}

func formatTime(t time.Time, ts string) string {
	t = t.UTC()
	switch ts {
	case rfc822:
		return t.Format(httpDate)
	case unix:
		if ms := t.UnixMilli(); ms%1000 != 0 {
			return strconv.FormatFloat(float64(ms)/1000, 'f', 3, 64)
		}
		return strconv.FormatInt(t.Unix(), 10)
	}
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05Z")
	}
	return t.Format("2006-01-02T15:04:05.000Z")
}
