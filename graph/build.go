package graph

// Builder assembles a graph node by node. Each method adds a node and returns
// its name, so that architectures read as what they compute.
type Builder struct{ g Graph }

// NewBuilder starts a graph of that name.
func NewBuilder(name string) *Builder { return &Builder{Graph{Name: name}} }

// Add appends a node fed by the given nodes and returns its name.
func (b *Builder) Add(name string, op Op, inputs ...string) string {
	b.g.Nodes = append(b.g.Nodes, Node{name, op, inputs})
	return name
}

// Graph returns what was built.
func (b *Builder) Graph() Graph { return b.g }
