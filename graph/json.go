package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// jsonNode is the JSON form of a node: the operation's fields lie under "attrs".
type jsonNode struct {
	Name   string          `json:"name"`
	Op     string          `json:"op"`
	Inputs []string        `json:"inputs,omitempty"`
	Attrs  json.RawMessage `json:"attrs,omitempty"`
}

// MarshalJSON writes the node as {"name", "op", "inputs", "attrs"}.
func (n Node) MarshalJSON() ([]byte, error) {
	if n.Op == nil {
		return nil, fmt.Errorf("node %q has no operation", n.Name)
	}
	attrs, err := json.Marshal(n.Op)
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", n.Name, err)
	}
	if string(attrs) == "{}" {
		attrs = nil
	}
	return json.Marshal(jsonNode{n.Name, n.Op.Kind(), n.Inputs, attrs})
}

// UnmarshalJSON reads what MarshalJSON writes and refuses unknown operations
// and fields.
func (n *Node) UnmarshalJSON(b []byte) error {
	var j jsonNode
	if err := strict(b, &j); err != nil {
		if j.Name != "" { // read before the fault
			return fmt.Errorf("node %q: %w", j.Name, err)
		}
		return err
	}
	fresh, ok := newOps[j.Op]
	if !ok {
		kinds := slices.Sorted(maps.Keys(newOps))
		return fmt.Errorf("node %q: unknown operation %q; known: %s", j.Name, j.Op, strings.Join(kinds, ", "))
	}
	op := fresh()
	if len(j.Attrs) > 0 {
		if err := strict(j.Attrs, op); err != nil {
			return fmt.Errorf("node %q: %s: %w", j.Name, j.Op, err)
		}
	}
	*n = Node{j.Name, op, j.Inputs}
	return nil
}

// Parse reads a graph from its JSON form and checks it. Unknown fields, fields
// given twice and anything after the graph are errors, which name the node or
// the byte.
func Parse(b []byte) (*Network, error) {
	var g Graph
	if err := strict(b, &g); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Errorf("graph: byte %d: %w", syntax.Offset, err)
		}
		return nil, fmt.Errorf("graph: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := checkFields(d); err != nil {
		return nil, fmt.Errorf("graph: byte %d: %w", d.InputOffset(), err)
	}
	return Check(g)
}

// strict decodes exactly one JSON value, without unknown fields.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("byte %d: more follows after the JSON value", d.InputOffset())
	}
	return nil
}

// fieldName is what all fields of the JSON form look like.
var fieldName = regexp.MustCompile(`^[a-z0-9_]+$`)

// checkFields reads one JSON value, known to be well-formed, and refuses what
// encoding/json lets pass: a field given twice, and one that matches a known
// field but for its case.
func checkFields(d *json.Decoder) error {
	open, err := d.Token()
	if err != nil {
		return err
	}
	if open != json.Delim('{') && open != json.Delim('[') {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == json.Delim('{') {
			key, err := d.Token()
			if err != nil {
				return err
			}
			name := key.(string) // the decoder accepts no other key
			switch {
			case !fieldName.MatchString(name):
				return fmt.Errorf("unknown field %q; fields are written in lower case", name)
			case seen[name]:
				return fmt.Errorf("field %q is given twice", name)
			}
			seen[name] = true
		}
		if err := checkFields(d); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing delimiter
	return err
}
