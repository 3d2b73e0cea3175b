package data

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// noise is a set of n random images with labels 0, 1, 2, …, 0, 1, ….
func noise(n, h, w, c, classes int) *Set {
	r := rand.New(rand.NewPCG(uint64(n), uint64(h*w*c)))
	s := &Set{Name: "noise", H: h, W: w, C: c, Pixels: make([]byte, n*h*w*c), Classes: numbers(classes)}
	for i := range s.Pixels {
		s.Pixels[i] = byte(r.UintN(256))
	}
	for i := range n {
		s.Labels = append(s.Labels, int32(i%classes))
	}
	return s
}

// wantError fails the test unless err says want.
func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	if !strings.Contains(err.Error(), want) {
		t.Fatalf("error is\n%v\nwant it to say\n%s", err, want)
	}
}

// allocated returns how many bytes fn allocates in all.
func allocated(fn func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestSetImage(t *testing.T) {
	s := noise(5, 2, 3, 2, 2)
	if s.Len() != 5 || s.Size() != 12 {
		t.Fatalf("Len %d, Size %d, want 5 and 12", s.Len(), s.Size())
	}
	for i := range 5 {
		img := s.Image(i)
		if string(img) != string(s.Pixels[12*i:12*(i+1)]) || cap(img) != 12 {
			t.Errorf("image %d is %v with capacity %d", i, img, cap(img))
		}
	}
}

// The digest was computed with Python's hashlib and struct.
func TestSetHash(t *testing.T) {
	s := &Set{Name: "a", H: 1, W: 2, C: 3, Labels: []int32{1, 0}, Classes: numbers(2)}
	for i := range 12 {
		s.Pixels = append(s.Pixels, byte(i))
	}
	const want = "dd4b379f07f134bfa5f303226ce0dff00b5fd0f16b5b0e24a46b31d5926bd0d1"
	if got := s.Hash(); got != want {
		t.Errorf("hash is %s, want %s", got, want)
	}
	change := []struct {
		what   string
		change func(s *Set)
		same   bool
	}{
		{"names", func(s *Set) { s.Name, s.Classes = "b", []string{"x", "y"} }, true},
		{"a pixel", func(s *Set) { s.Pixels[7]++ }, false},
		{"a label", func(s *Set) { s.Labels[1] = 1 }, false},
		{"the shape", func(s *Set) { s.H, s.W = 2, 1 }, false},
	}
	for _, c := range change {
		d := *s
		d.Pixels, d.Labels = append([]byte(nil), s.Pixels...), append([]int32(nil), s.Labels...)
		c.change(&d)
		if got := d.Hash() == want; got != c.same {
			t.Errorf("with %s changed, same hash is %v, want %v", c.what, got, c.same)
		}
	}
}

// Labels are hashed in pieces; more of them than one piece holds must all count.
func TestSetHashOfManyLabels(t *testing.T) {
	s := noise(3000, 1, 1, 1, 7)
	h := s.Hash()
	for _, i := range []int{0, 1023, 1024, 2047, 2048, 2999} {
		s.Labels[i]++
		if s.Hash() == h {
			t.Errorf("label %d is no part of the hash", i)
		}
		s.Labels[i]--
	}
}

func TestSetValidate(t *testing.T) {
	if err := noise(4, 2, 2, 3, 2).Validate(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		wreck func(s *Set)
		want  string
	}{
		{"no images", func(s *Set) { s.Labels, s.Pixels = nil, nil }, `data set "noise": it holds no images`},
		{"no channels", func(s *Set) { s.C = 0 }, "images are 2×2×0, expected every side above 0"},
		{"negative side", func(s *Set) { s.H, s.W = -2, -2 }, "images are -2×-2×3"},
		{"overflowing size", func(s *Set) { s.H, s.W = 1<<30, 1<<30 }, "at most 2147483647 bytes"},
		{"too few pixels", func(s *Set) { s.Pixels = s.Pixels[:36] }, "4 labels, but 36 bytes of pixels, expected 12 for each image of 2×2×3"},
		{"part of an image", func(s *Set) { s.Pixels = append(s.Pixels, 1) }, "4 labels, but 49 bytes"},
		{"label without class", func(s *Set) { s.Labels[2] = 2 }, "label of image 2 is 2, expected 0 to 1"},
		{"negative label", func(s *Set) { s.Labels[3] = -1 }, "label of image 3 is -1, expected 0 to 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := noise(4, 2, 2, 3, 2)
			c.wreck(s)
			wantError(t, s.Validate(), c.want)
		})
	}
}

func TestProduct(t *testing.T) {
	for _, c := range []struct {
		dims []int
		n    int
		ok   bool
	}{
		{[]int{2, 3, 4}, 24, true},
		{[]int{maxBytes}, maxBytes, true},
		{[]int{1 << 15, 1 << 15, 2}, 0, false},
		{[]int{1 << 30, 2}, 0, false},
		{[]int{3, 0}, 0, false},
		{[]int{-1, -1}, 0, false},
	} {
		if n, ok := product(c.dims...); n != c.n || ok != c.ok {
			t.Errorf("product(%s) = %d, %v, want %d, %v", fmt.Sprint(c.dims), n, ok, c.n, c.ok)
		}
	}
}

func TestFirstOfClasses(t *testing.T) {
	s := &Set{Name: "s", H: 1, W: 2, C: 1, Pixels: []byte{1, 1, 2, 2, 3, 3, 4, 4, 5, 5}, Labels: []int32{1, 0, 1, 1, 0}, Classes: []string{"a", "b", "c"}}
	got := s.FirstOfClasses(1)
	if !bytes.Equal(got.Pixels, []byte{1, 1, 2, 2}) || !slices.Equal(got.Labels, []int32{1, 0}) || got.Name != "s" || s.Len() != 5 {
		t.Errorf("the first of each class are %+v", got)
	}
	if all := s.FirstOfClasses(9); !bytes.Equal(all.Pixels, s.Pixels) || !slices.Equal(all.Labels, s.Labels) {
		t.Errorf("more than there are: %+v", all)
	}
}
