//! The plugins that are built in.

/// Name of the folder in `plugins/`, and the component.
pub(crate) static SHIPPED: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The shipped plugins: name of the folder in `plugins/`, and the component.
pub fn shipped() -> &'static [(&'static str, &'static [u8])] {
    SHIPPED
}
