//! Lines to the host's log, under the plugin's name. Natively they go nowhere.
//!
//! ```
//! weir_guest::log::warn(&format!("{} members are more than usual", 5000));
//! ```

use std::sync::Once;

use crate::bindings::about_part::weir::plugin::log as host;
pub use host::Level;

/// Writes one line at `level`. The host truncates long lines and drops what exceeds a call's allowance.
pub fn write(level: Level, message: &str) {
    // Outside WebAssembly there is no host behind the generated function.
    if cfg!(target_arch = "wasm32") {
        host::write(level, message);
    }
}

/// Writes one line at level debug.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// Writes one line at level info.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// Writes one line at level warn.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// Writes one line at level error.
pub fn error(message: &str) {
    write(Level::Error, message);
}

/// Makes a panic say what it was before it traps: the host sees of a trap only that it happened.
pub(crate) fn hook_panics() {
    static HOOK: Once = Once::new();
    if cfg!(target_arch = "wasm32") {
        HOOK.call_once(|| std::panic::set_hook(Box::new(|info| error(&info.to_string()))));
    }
}
