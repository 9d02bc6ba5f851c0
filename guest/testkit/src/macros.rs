//! Tests of a plugin in one line.

use std::path::Path;
use std::process::Command;

/// The tests of a plugin that serves protocols: its cases, conformance and properties natively, and all of them
/// in the sandbox. The first argument is the type that is exported, the second the folder of cases, from the
/// crate's own folder.
///
/// ```ignore
/// #[cfg(test)]
/// weir_testkit::protocol_tests!(Pigeon, "cases");
/// ```
#[macro_export]
macro_rules! protocol_tests {
    ($plugin:ty, $cases:expr) => {
        $crate::__plugin_tests!($crate::Native::protocol::<$plugin>(), $cases);
    };
}

/// The tests of a plugin that serves algorithms: as [`protocol_tests!`].
#[macro_export]
macro_rules! algorithm_tests {
    ($plugin:ty, $cases:expr) => {
        $crate::__plugin_tests!($crate::Native::algorithm::<$plugin>(), $cases);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __plugin_tests {
    ($native:expr, $cases:expr) => {
        #[cfg(test)]
        mod weir_tests {
            #[allow(unused_imports)]
            use super::*;

            fn folder() -> ::std::path::PathBuf {
                ::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join($cases)
            }

            #[test]
            fn cases_natively() {
                $crate::cases(&$native, &folder()).assert_ok();
            }

            #[test]
            fn conformance_natively() {
                $crate::conformance(&$native, $crate::Depth::Full, "").assert_ok();
            }

            #[test]
            fn properties_natively() {
                $crate::properties(&$native, 1, 1000, "").assert_ok();
            }

            #[test]
            fn in_the_sandbox() {
                if let Err(message) = $crate::sandboxed(::std::path::Path::new(env!("CARGO_MANIFEST_DIR"))) {
                    panic!("{message}");
                }
            }
        }
    };
}

/// Runs `weir plugin test` on a project.
///
/// # Errors
/// It cannot be run, or something failed: what it printed.
pub fn sandboxed(project: &Path) -> Result<(), String> {
    let weir = std::env::var_os("WEIR").unwrap_or_else(|| "weir".into());
    let output = Command::new(&weir).args(["plugin", "test"]).arg(project).output();
    let output = output.map_err(|error| {
        format!(
            "{} cannot be run ({error}): the tests in the sandbox need the weir binary. Put it into PATH, or name it \
             by the environment variable WEIR; without it, leave these tests out: cargo test -- --skip in_the_sandbox",
            weir.to_string_lossy()
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{}{}", text(&output.stdout), text(&output.stderr)))
}
