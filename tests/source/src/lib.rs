//! What must hold of the sources: layers, and who may name a protocol. See the tests.
