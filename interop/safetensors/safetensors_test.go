package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/qif-snn/qif/graph"
)

// raw puts a file together as the format describes it, the length spelled out
// byte by byte.
func raw(header string, data ...byte) []byte {
	n := len(header)
	b := []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), 0, 0, 0, 0}
	return append(append(b, header...), data...)
}

// sample holds two tensors, a scalar, an empty tensor and metadata. Its header
// takes 312 bytes, so that the data start at byte 320.
func sample() (File, []byte) {
	nan := math.Float32frombits(0x7fa12345) // a signalling NaN with a payload
	f := File{
		Metadata: map[string]string{"format": "qif", "a<b": "line\n\"quoted\" ü"},
		Tensors: []graph.Tensor{
			{Name: "conv.weight", Shape: []int{2, 3}, Data: []float32{0, 1, -2, .5, float32(math.Inf(1)), nan}},
			{Name: "step", Shape: []int{}, Data: []float32{-0.75}},
			{Name: "nothing", Shape: []int{4, 0}, Data: []float32{}},
			{Name: "bias", Shape: []int{1}, Data: []float32{float32(math.Copysign(0, -1))}},
		},
	}
	header := `{"__metadata__":{"a<b":"line\n\"quoted\" ü","format":"qif"},` +
		`"conv.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},` +
		`"step":{"dtype":"F32","shape":[],"data_offsets":[24,28]},` +
		`"nothing":{"dtype":"F32","shape":[4,0],"data_offsets":[28,28]},` +
		`"bias":{"dtype":"F32","shape":[1],"data_offsets":[28,32]}}`
	header += strings.Repeat(" ", 312-len(header))
	return f, raw(header,
		0, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f, 0, 0, 0x80, 0x7f, 0x45, 0x23, 0xa1, 0x7f,
		0, 0, 0x40, 0xbf,
		0, 0, 0, 0x80)
}

// same compares files bit for bit: NaN equals itself, 0 differs from −0.
func same(t *testing.T, got, want File) {
	t.Helper()
	if !reflect.DeepEqual(got.Metadata, want.Metadata) {
		t.Errorf("metadata %v, want %v", got.Metadata, want.Metadata)
	}
	if len(got.Tensors) != len(want.Tensors) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want.Tensors))
	}
	for i, w := range want.Tensors {
		g := got.Tensors[i]
		if g.Name != w.Name || !reflect.DeepEqual(g.Shape, w.Shape) || len(g.Data) != len(w.Data) {
			t.Errorf("tensor %d is %q %v with %d numbers, want %q %v with %d", i, g.Name, g.Shape, len(g.Data), w.Name, w.Shape, len(w.Data))
			continue
		}
		for j := range w.Data {
			if gb, wb := math.Float32bits(g.Data[j]), math.Float32bits(w.Data[j]); gb != wb {
				t.Errorf("tensor %q[%d] has bits %#x, want %#x", w.Name, j, gb, wb)
			}
		}
	}
}

func TestEncodeGivesTheFormatsBytes(t *testing.T) {
	f, want := sample()
	var buf bytes.Buffer
	if err := Encode(&buf, f); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(buf.Bytes(), want) {
		t.Errorf("got  %q\nwant %q", buf.Bytes(), want)
	}
}

func TestDecodeReadsTheFormatsBytes(t *testing.T) {
	want, b := sample()
	got, err := Decode(b, "sample")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

// Another writer's choices: entries in any order, blanks, escapes, fields in
// any order, no padding.
func TestDecodeOtherWriters(t *testing.T) {
	header := "{ \"b\\u00e9\" :\n{\"data_offsets\":[ 4,8 ],\"shape\":[1,1],\"dtype\":\"F32\"}\t,\r" +
		`"a":{"shape":[1],"dtype":"\u0046\u0033\u0032","data_offsets":[0,4]},"__metadata__":{}}`
	got, err := Decode(raw(header, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40), "other")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, File{
		Metadata: map[string]string{},
		Tensors: []graph.Tensor{
			{Name: "a", Shape: []int{1}, Data: []float32{1}},
			{Name: "bé", Shape: []int{1, 1}, Data: []float32{2}},
		},
	})
}

func TestEmptyFile(t *testing.T) {
	want := raw("{}      ")
	var buf bytes.Buffer
	if err := Encode(&buf, File{}); err != nil || !bytes.Equal(buf.Bytes(), want) {
		t.Errorf("got %q, %v, want %q", buf.Bytes(), err, want)
	}
	f, err := Decode(want, "empty")
	if err != nil || f.Metadata != nil || f.Tensors != nil {
		t.Errorf("got %+v, %v, want an empty file", f, err)
	}
}

// Tensors larger than the writer's buffer, and not a multiple of it.
func TestRoundTripLarge(t *testing.T) {
	want := File{Tensors: []graph.Tensor{{Name: "w", Shape: []int{3, 12_345}, Data: make([]float32, 37_035)}}}
	for i := range want.Tensors[0].Data {
		want.Tensors[0].Data[i] = math.Float32frombits(uint32(i) * 2654435761)
	}
	var buf bytes.Buffer
	if err := Encode(&buf, want); err != nil {
		t.Fatal(err)
	}
	if header := buf.Len() - 4*37_035; header%8 != 0 {
		t.Errorf("data start at byte %d, want a multiple of 8", header)
	}
	got, err := Decode(buf.Bytes(), "large")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
}

func TestEncodeRefuses(t *testing.T) {
	one := func(name string, shape ...int) graph.Tensor {
		return graph.Tensor{Name: name, Shape: shape, Data: []float32{1}}
	}
	for _, c := range []struct {
		name string
		file File
		want string
	}{
		{"taken name", File{Tensors: []graph.Tensor{one("a", 1), one("a", 1)}}, `tensor 1 "a": the name is taken`},
		{"reserved name", File{Tensors: []graph.Tensor{one("__metadata__", 1)}}, "the name is reserved"},
		{"name not UTF-8", File{Tensors: []graph.Tensor{one("\xff", 1)}}, "not UTF-8"},
		{"too few numbers", File{Tensors: []graph.Tensor{one("a", 2, 2)}}, "shape [2 2] needs 4 elements, got 1"},
		{"negative dimension", File{Tensors: []graph.Tensor{one("a", -1)}}, "shape [-1] has a negative dimension"},
		{"overflow", File{Tensors: []graph.Tensor{one("a", math.MaxInt/2, 4)}}, "more elements than memory"},
		{"metadata not UTF-8", File{Metadata: map[string]string{"k": "\xff"}}, `metadata "k"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var buf bytes.Buffer
			err := Encode(&buf, c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if buf.Len() != 0 {
				t.Errorf("wrote %d bytes before it failed", buf.Len())
			}
		})
	}
}

// failAfter fails once n bytes are written.
type failAfter struct{ n int }

var errFull = errors.New("disk is full")

func (w *failAfter) Write(b []byte) (int, error) {
	if w.n -= len(b); w.n < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestEncodeReportsWriteErrors(t *testing.T) {
	f, b := sample()
	for n := range len(b) {
		if err := Encode(&failAfter{n}, f); !errors.Is(err, errFull) {
			t.Fatalf("a writer that fails after %d bytes gives %v", n, err)
		}
	}
	if err := Encode(&failAfter{len(b)}, f); err != nil {
		t.Errorf("a writer with room for all gives %v", err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	const a = `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	four := []byte{0, 0, 0, 0}
	eight := make([]byte, 8)
	lengths := func(n uint64) []byte {
		b := []byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24), byte(n >> 32), byte(n >> 40), byte(n >> 48), byte(n >> 56)}
		return append(b, "{}"...)
	}
	entry := func(body string) []byte { return raw(`{"a":{`+body+`}}`, four...) }
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "byte 0: the file has 0 bytes"},
		{"header too long", lengths(100_000_001), "byte 0: header of 100000001 bytes, the format allows 100000000"},
		{"header of 2^64−1", lengths(math.MaxUint64), "the format allows"},
		{"header beyond the file", lengths(3), "byte 0: header of 3 bytes, only 2 follow"},
		{"no header", lengths(0), `byte 8: header starts with "", expected '{'`},
		{"leading space", raw(" {}"), `byte 8: header starts with " "`},
		{"array", raw("[]"), `byte 8: header starts with "["`},
		{"not UTF-8", raw("{\"\xff\":1}"), "byte 10: header is not UTF-8"},
		{"not JSON", raw("{]"), "byte 9: the header: invalid character"},
		{"no closing brace", raw("{" + a), "byte 61: header ends within the header"},
		{"trailing comma", raw("{"+a+",}", four...), "byte 62: the header: invalid character"},
		{"missing colon", raw(`{"a" {}}`), `byte 13: tensor "a": invalid character`},
		{"text after the object", raw("{} x"), "byte 11: 'x' after the header's object"},
		{"newline after the object", raw("{}\n"), "byte 10: '\\n' after the header's object"},

		{"same name twice", raw("{"+a+","+a+"}", four...), `byte 62: the header has "a" twice`},
		{"same name, escaped", raw("{"+a+`,"\u0061":{}}`, four...), `the header has "a" twice`},
		{"metadata twice", raw(`{"__metadata__":{},"__metadata__":{}}`), `has "__metadata__" twice`},
		{"metadata key twice", raw(`{"__metadata__":{"k":"1","k":"1"}}`), `byte 33: __metadata__ has "k" twice`},
		{"metadata number", raw(`{"__metadata__":{"k":1}}`), `byte 29: __metadata__: value of "k" is 1, expected a string`},
		{"metadata null", raw(`{"__metadata__":null}`), "byte 24: __metadata__ is null, expected '{'"},
		{"metadata nested", raw(`{"__metadata__":{"k":{}}}`), "expected a string"},

		{"entry is a number", raw(`{"a":1}`), `byte 13: tensor "a" is 1, expected '{'`},
		{"no dtype", entry(`"shape":[1],"data_offsets":[0,4]`), `tensor "a" lacks`},
		{"no shape", entry(`"dtype":"F32","data_offsets":[0,4]`), `tensor "a" lacks`},
		{"no offsets", entry(`"dtype":"F32","shape":[1]`), `tensor "a" lacks`},
		{"unknown field", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]`), `byte 61: tensor "a" has the field "strides"`},
		{"field twice", entry(`"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]`), `tensor "a" has "shape" twice`},
		{"dtype F16", entry(`"dtype":"F16","shape":[2],"data_offsets":[0,4]`), `tensor "a": dtype is "F16", only "F32"`},
		{"dtype is a number", entry(`"dtype":32,"shape":[1],"data_offsets":[0,4]`), "dtype is 32, expected a string"},
		{"shape is a number", entry(`"dtype":"F32","shape":1,"data_offsets":[0,4]`), "shape is 1, expected '['"},
		{"shape holds a string", entry(`"dtype":"F32","shape":["1"],"data_offsets":[0,4]`), `shape holds the string "1"`},
		{"shape nested", entry(`"dtype":"F32","shape":[[1]],"data_offsets":[0,4]`), "shape holds ["},
		{"negative dimension", entry(`"dtype":"F32","shape":[-1],"data_offsets":[0,4]`), "shape holds -1, expected a whole number"},
		{"minus zero", entry(`"dtype":"F32","shape":[-0],"data_offsets":[0,4]`), "shape holds -0, expected a whole number"},
		{"fraction", entry(`"dtype":"F32","shape":[1.0],"data_offsets":[0,4]`), "shape holds 1.0, expected a whole number"},
		{"exponent", entry(`"dtype":"F32","shape":[1e0],"data_offsets":[0,4]`), "shape holds 1e0, expected a whole number"},
		{"dimension too large", entry(`"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]`), "expected a whole number"},
		{"product overflows to the right size", entry(fmt.Sprintf(`"dtype":"F32","shape":[%d,5],"data_offsets":[0,4]`, uint64(1)<<62+1)), "more elements than memory"},
		{"product overflows beside a 0", entry(fmt.Sprintf(`"dtype":"F32","shape":[0,%d,%d],"data_offsets":[0,0]`, uint64(1)<<62, uint64(1)<<62)), "more elements than memory"},
		{"one offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[4]`), "data_offsets has 1 numbers, expected 2"},
		{"three offsets", entry(`"dtype":"F32","shape":[1],"data_offsets":[0,4,8]`), "data_offsets has 3 numbers, expected 2"},
		{"negative offset", entry(`"dtype":"F32","shape":[1],"data_offsets":[-4,0]`), "data_offsets holds -4, expected a whole number"},
		{"offsets reversed", entry(`"dtype":"F32","shape":[1],"data_offsets":[4,0]`), "data_offsets [4, 0] end before they begin"},
		{"range too short", entry(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`), `byte 9: tensor "a": data_offsets [0, 4] span 4 bytes, shape [2] of F32 takes 8`},
		{"scalar without bytes", entry(`"dtype":"F32","shape":[],"data_offsets":[0,0]`), "span 0 bytes, shape [] of F32 takes 4"},

		{"hole at the start", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...), `hole of 4 bytes before tensor "a"`},
		{"hole between", raw("{"+a+`,"b":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}}`, eight...), `byte 119: hole of 4 bytes before tensor "b", whose data_offsets are [8, 8]; expected them to begin at 4`},
		{"overlap", raw("{"+a+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, four...), `data_offsets [0, 4] of tensor "b" overlap the tensor before it, which ends at 4`},
		{"overlap by a part", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, eight...), `tensor "b" overlap`},
		{"beyond the data", raw("{" + a + "}"), `data_offsets [0, 4] of tensor "a" reach beyond the data, of which the file holds 0 bytes`},
		{"bytes left over", raw("{"+a+"}", 0, 0, 0, 0, 9), "byte 66: 1 bytes follow the last tensor"},
		{"bytes without tensors", raw("{}", 9), "byte 10: 1 bytes follow the last tensor"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode(c.file, "x.safetensors")
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.HasPrefix(err.Error(), "safetensors x.safetensors: byte ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q\nwant  %q", err, c.want)
			}
		})
	}
}

func TestDecodeRefusesEveryTruncation(t *testing.T) {
	_, b := sample()
	for n := range len(b) {
		if _, err := Decode(b[:n:n], "cut"); err == nil {
			t.Errorf("accepted the first %d of %d bytes", n, len(b))
		}
	}
}

func TestReadFile(t *testing.T) {
	want, b := sample()
	path := filepath.Join(t.TempDir(), "net.safetensors")
	if _, err := ReadFile(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, want)
	if err := os.WriteFile(path, b[:len(b)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file gives %v, want its path named", err)
	}
}

// Whatever Decode accepts is a file by an independent reading of the rules, and
// encoding it again is stable.
func FuzzDecode(f *testing.F) {
	_, b := sample()
	f.Add(b)
	f.Add(raw("{}"))
	f.Add(raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}`, 1, 2, 3, 4))
	f.Add(raw(`{"b":{"shape":[],"data_offsets":[4,8],"dtype":"F32"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]} } `, 1, 2, 3, 4, 5, 6, 7, 8))
	f.Add(raw(`{"a":{"dtype":"F32","shape":[4611686018427387904,0],"data_offsets":[0,0]},"a":[{"b":null}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := Decode(b, "fuzz")
		if err != nil {
			return
		}
		checkIndependently(t, b, got)
		var first, second bytes.Buffer
		if err := Encode(&first, got); err != nil {
			t.Fatalf("what Decode accepted cannot be encoded: %v", err)
		}
		again, err := Decode(first.Bytes(), "again")
		if err != nil {
			t.Fatalf("what Encode wrote cannot be decoded: %v", err)
		}
		same(t, again, got)
		if err := Encode(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("encoding is not stable (%v)", err)
		}
	})
}

// checkIndependently holds an accepted file against encoding/json's own reading
// of its header.
func checkIndependently(t *testing.T, b []byte, got File) {
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
	var header map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+n], &header); err != nil {
		t.Fatalf("accepted a header that is not JSON: %v", err)
	}
	delete(header, "__metadata__")
	if len(header) != len(got.Tensors) {
		t.Fatalf("%d tensors, the header names %d", len(got.Tensors), len(header))
	}
	data := b[8+n:]
	for _, x := range got.Tensors {
		var e struct {
			Dtype   string
			Shape   []int
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(header[x.Name], &e); err != nil {
			t.Fatalf("tensor %q: %v", x.Name, err)
		}
		elements := 1
		for _, d := range e.Shape {
			elements *= d
		}
		if e.Dtype != "F32" || !reflect.DeepEqual(e.Shape, x.Shape) || e.Offsets[1]-e.Offsets[0] != 4*elements || len(x.Data) != elements {
			t.Fatalf("tensor %q is %+v, got shape %v with %d numbers", x.Name, e, x.Shape, len(x.Data))
		}
		if len(data) < 4*elements { // the tensors come in the order of their bytes
			t.Fatalf("tensor %q takes %d bytes, %d are left", x.Name, 4*elements, len(data))
		}
		data = data[4*elements:]
	}
	if len(data) != 0 {
		t.Fatalf("%d bytes belong to no tensor", len(data))
	}
}
