package cloud

import "strconv"

// Qualified is what a function's name and qualifier lead to.
type Qualified struct {
	Function *Function
	Version  *Version
	Alias    *Alias // nil unless the qualifier is an alias
	// Other is the second version of an alias that shares its traffic, Share its part of it.
	Other *Version
	Share float64
}

// Pick chooses the version for one call; r is random in [0,1).
func (q Qualified) Pick(r float64) *Version {
	if q.Other != nil && r < q.Share {
		return q.Other
	}
	return q.Version
}

// MakeVersionKey names a published version.
func MakeVersionKey(fn FunctionKey, number int) VersionKey {
	return VersionKey(string(fn) + "/" + strconv.Itoa(number))
}

// MakeAliasKey names an alias.
func MakeAliasKey(fn FunctionKey, name string) AliasKey {
	return AliasKey(string(fn) + "/" + name)
}

// MakeEventConfigKey names the event settings of a qualifier; "" is $LATEST's.
func MakeEventConfigKey(fn FunctionKey, qualifier string) EventConfigKey {
	if qualifier == "" {
		qualifier = Latest
	}
	return EventConfigKey(string(fn) + "/" + qualifier)
}

// Latest is the qualifier of the version that can still change.
const Latest = "$LATEST"

// Label is the version as qualifiers write it.
func (v *Version) Label() string {
	if v.Number == 0 {
		return Latest
	}
	return strconv.Itoa(v.Number)
}

// Resolve finds the version that a qualifier ("", "$LATEST", a number or an alias) stands for.
func Resolve(v View, key FunctionKey, qualifier string) (Qualified, error) {
	fn, ok := Functions.Get(v, key)
	if !ok {
		return Qualified{}, Errorf(NotFound, KindFunction, string(key), "", "there is no function %s", key)
	}
	q := Qualified{Function: fn}
	if n, err := strconv.Atoi(qualifier); err == nil {
		q.Version, err = fn.Numbered(v, n)
		return q, err
	}
	if qualifier == "" || qualifier == Latest {
		q.Version = &fn.Latest
		return q, nil
	}
	a, ok := Aliases.Get(v, MakeAliasKey(key, qualifier))
	if !ok {
		return q, Errorf(NotFound, KindAlias, qualifier, "", "function %s has no alias %s", fn.Name, qualifier)
	}
	q.Alias = a
	var err error
	if q.Version, err = fn.Numbered(v, a.Version); err != nil {
		return q, err
	}
	for n, share := range a.Weights {
		q.Share = share
		if q.Other, err = fn.Numbered(v, n); err != nil {
			return q, err
		}
	}
	return q, nil
}

// Numbered finds a published version; 0 is $LATEST.
func (fn *Function) Numbered(v View, n int) (*Version, error) {
	if n == 0 {
		return &fn.Latest, nil
	}
	pv, ok := PublishedVersions.Get(v, MakeVersionKey(fn.Key, n))
	if !ok {
		return nil, Errorf(NotFound, KindVersion, strconv.Itoa(n), "", "function %s has no version %d", fn.Name, n)
	}
	return &pv.Version, nil
}
