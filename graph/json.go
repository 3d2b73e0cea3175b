package graph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sort"
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
		return err
	}
	fresh, ok := newOps[j.Op]
	if !ok {
		kinds := make([]string, 0, len(newOps))
		for k := range newOps {
			kinds = append(kinds, k)
		}
		sort.Strings(kinds)
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

// Parse reads a graph from its JSON form and checks it.
func Parse(b []byte) (*Network, error) {
	var g Graph
	if err := strict(b, &g); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
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
		return fmt.Errorf("more follows after the JSON value, at byte %d", d.InputOffset())
	}
	return nil
}
