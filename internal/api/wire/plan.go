package wire

import (
	"fmt"
	"net/textproto"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

type kind uint8

const (
	kString kind = iota
	kBool
	kInt
	kFloat
	kTime
	kBlob
	kStruct
	kList
	kMap
	kEvents
)

type location uint8

const (
	inBody location = iota
	inURI
	inQuery
	inHeader
	inHeaders // all headers with a prefix, as a map
	inStatus
	inPayload // the member is the whole body
	inHost    // the project that the host's name begins with
)

// typePlan says how values of one Go type travel.
type typePlan struct {
	typ    reflect.Type // without the pointer
	ptr    bool
	kind   kind
	enum   string      // name of the enumeration, if it is one
	elem   *typePlan   // of lists and maps
	fields *structPlan // of structures
}

type structPlan struct {
	typ     reflect.Type
	fields  []field
	byIn    map[string]*field
	payload *field
	body    bool // has members that travel in the body beside each other
}

type field struct {
	index             int
	name              string // how messages call it: the model's member with a small letter
	in, out           string // names on the wire
	loc               location
	flat, always, req bool
	attr              bool // XML: an attribute of the structure's element
	item, key, value  string
	ts                string // timestamp format, "" is the protocol's
	style             style  // of a compound value inside one parameter
	own, elem, keys   limits
	t                 *typePlan
}

// style is how a list or structure travels as one parameter's text.
type style uint8

const (
	noStyle style = iota
	asJSON
	commas
)

// limits are a model's constraints on one value; nil and "" do not constrain.
type limits struct {
	min, max *float64
	pattern  string // name in Spec.Patterns
}

// planner makes and keeps the plans of one service's types.
type planner struct {
	mu    sync.Mutex
	types map[reflect.Type]*structPlan
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	blobType   = reflect.TypeFor[[]byte]()
	eventsType = reflect.TypeFor[Events]()
)

func (p *planner) plan(t reflect.Type) *structPlan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.structure(t)
}

// structure is called with the lock held. The plan is filed before it is
// complete, because types may be recursive.
func (p *planner) structure(t reflect.Type) *structPlan {
	if s := p.types[t]; s != nil {
		return s
	}
	s := &structPlan{typ: t, fields: make([]field, t.NumField()), byIn: map[string]*field{}}
	p.types[t] = s
	for i := range s.fields {
		f := &s.fields[i]
		sf := t.Field(i)
		*f = field{index: i, name: lowerFirst(sf.Name), t: p.typeOf(sf.Type)}
		f.parse(sf.Tag.Get("w"))
		s.byIn[f.in] = f
		switch f.loc {
		case inPayload:
			s.payload = f
		case inBody:
			s.body = true
		}
	}
	return s
}

func (p *planner) typeOf(t reflect.Type) *typePlan {
	tp := &typePlan{typ: t}
	if t.Kind() == reflect.Pointer {
		tp.ptr, tp.typ = true, t.Elem()
	}
	switch t := tp.typ; {
	case t == timeType:
		tp.kind = kTime
	case t == blobType:
		tp.kind = kBlob
	case t == eventsType:
		tp.kind = kEvents
	case t.Kind() == reflect.Struct:
		tp.kind, tp.fields = kStruct, p.structure(t)
	case t.Kind() == reflect.Slice:
		tp.kind, tp.elem = kList, p.typeOf(t.Elem())
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		tp.kind, tp.elem = kMap, p.typeOf(t.Elem())
	case t.Kind() == reflect.String:
		tp.kind = kString
		if t.PkgPath() != "" {
			tp.enum = t.Name()
		}
	case t.Kind() == reflect.Bool:
		tp.kind = kBool
	case t.Kind() == reflect.Int32, t.Kind() == reflect.Int64:
		tp.kind = kInt
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		tp.kind = kFloat
	default:
		panic(fmt.Sprintf("wire: no protocol carries a %v", t))
	}
	return tp
}

// parse reads a struct tag as tools/gen writes it: "in|out,flag,key=value,…".
func (f *field) parse(tag string) {
	parts := strings.Split(tag, ",")
	in, out, two := strings.Cut(parts[0], "|")
	if f.in, f.out = in, out; !two {
		f.out = in
	}
	for _, flag := range parts[1:] {
		k, v, _ := strings.Cut(flag, "=")
		lim := &f.own
		if rest, ok := strings.CutPrefix(k, "e."); ok {
			k, lim = rest, &f.elem
		} else if rest, ok := strings.CutPrefix(k, "k."); ok {
			k, lim = rest, &f.keys
		}
		switch k {
		case "uri":
			f.loc = inURI
		case "qs":
			f.loc = inQuery
		case "hdr":
			f.loc = inHeader
			f.in = textproto.CanonicalMIMEHeaderKey(f.in)
		case "hdrs":
			f.loc = inHeaders
			f.in = textproto.CanonicalMIMEHeaderKey(f.in)
		case "status":
			f.loc = inStatus
		case "host":
			f.loc = inHost
		case "json":
			f.style = asJSON
		case "commas":
			f.style = commas
		case "payload":
			f.loc = inPayload
		case "flat":
			f.flat = true
		case "attr":
			f.attr = true
		case "always":
			f.always = true
		case "req":
			f.req = true
		case "item":
			f.item = v
		case "key":
			f.key = v
		case "value":
			f.value = v
		case "ts":
			f.ts = v
		case "min":
			lim.min = number(v)
		case "max":
			lim.max = number(v)
		case "pat":
			lim.pattern = v
		default:
			panic("wire: unknown flag in tag " + tag)
		}
	}
}

func number(s string) *float64 {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		panic("wire: bad number in tag: " + s)
	}
	return &n
}
