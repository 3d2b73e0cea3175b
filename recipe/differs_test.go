package recipe

import "testing"

func TestDiffers(t *testing.T) {
	for _, f := range fields {
		r := Default()
		change(t, f, &r)
		if key, ok := Default().Differs(r); !ok || key != f.key {
			t.Errorf("after a change of %s: %q, %v", f.key, key, ok)
		}
	}
	if key, ok := Default().Differs(Default()); ok {
		t.Errorf("equal recipes differ in %q", key)
	}
}
