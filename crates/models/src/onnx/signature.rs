//! What goes into a graph and comes out.

/// What goes into a graph and comes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// Its inputs, in the file's order. Old files list their weights among them.
    pub inputs: Vec<Port>,
    /// Its outputs, in the file's order.
    pub outputs: Vec<Port>,
}

/// An input or output of a graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its dimensions, `None` each where it is not fixed; `None` where the file does not say how many there are.
    pub shape: Option<Vec<Option<usize>>>,
}
