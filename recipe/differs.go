package recipe

import (
	"fmt"
	"reflect"
	"slices"
)

// Differs returns the first field in which two recipes differ, as "key = value"
// of the receiver and of the other; ok is false if there is none.
func (r Recipe) Differs(other Recipe) (mine, theirs string, ok bool) {
	for _, f := range fields {
		if a, b := f.get(&r), f.get(&other); !reflect.DeepEqual(a, b) && f.text(&r) != f.text(&other) {
			return fmt.Sprintf("%s = %s", f.key, f.text(&r)), fmt.Sprintf("%s = %s", f.key, f.text(&other)), true
		}
	}
	return "", "", false
}

// Changed returns those fields, of the ones with the given TOML keys, that do not
// have their defaults, as "key = value".
func (r Recipe) Changed(keys ...string) []string {
	d := Default()
	var changed []string
	for _, f := range fields {
		if slices.Contains(keys, f.key) && f.text(&r) != f.text(&d) {
			changed = append(changed, fmt.Sprintf("%s = %s", f.key, f.text(&r)))
		}
	}
	return changed
}
