package recipe

import (
	"fmt"
	"reflect"
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
