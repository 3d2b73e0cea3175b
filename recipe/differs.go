package recipe

import "reflect"

// Differs returns the key of the first field in which two recipes differ, as
// their TOML forms would show it; ok is false if there is none.
func (r Recipe) Differs(other Recipe) (key string, ok bool) {
	for _, f := range fields {
		if a, b := f.get(&r), f.get(&other); !reflect.DeepEqual(a, b) && f.text(&r) != f.text(&other) {
			return f.key, true
		}
	}
	return "", false
}
