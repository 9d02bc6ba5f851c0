//! Tests that every Weir plugin can have: conformance, golden cases, properties.
