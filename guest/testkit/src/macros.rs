//! Tests of a plugin in one line.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// The tests of a plugin that serves protocols: its cases, conformance and properties natively, and all of them
/// in the sandbox (by the `weir` binary: the one that the environment variable `WEIR` names, or that of `PATH`).
/// The first argument is the type that is exported, the second the folder of cases, seen from the crate's own.
///
/// ```ignore
/// #[cfg(test)]
/// weir_testkit::protocol_tests!(Pigeon, "cases");
/// ```
///
/// A plugin that goes nowhere without a configuration is given one, for conformance and properties (the sandbox
/// takes it from `weir-plugin.toml`); `natively` leaves out the sandbox:
///
/// ```ignore
/// weir_testkit::protocol_tests!(Pigeon, "cases", config = r#"{"roof": 3}"#);
/// weir_testkit::protocol_tests!(Pigeon, "cases", natively);
/// ```
#[macro_export]
macro_rules! protocol_tests {
    ($plugin:ty, $($rest:tt)+) => {
        $crate::__plugin_tests!($crate::Native::protocol::<$plugin>(), $($rest)+);
    };
}

/// The tests of a plugin that serves algorithms: as [`protocol_tests!`].
#[macro_export]
macro_rules! algorithm_tests {
    ($plugin:ty, $($rest:tt)+) => {
        $crate::__plugin_tests!($crate::Native::algorithm::<$plugin>(), $($rest)+);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __plugin_tests {
    ($native:expr, $cases:expr) => {
        $crate::__plugin_tests!($native, $cases, config = "");
    };
    ($native:expr, $cases:expr, natively) => {
        $crate::__plugin_tests!($native, $cases, config = "", natively);
    };
    ($native:expr, $cases:expr, config = $config:expr) => {
        $crate::__plugin_tests!($native, $cases, config = $config, natively);

        /// By `weir plugin test`.
        #[test]
        fn in_the_sandbox() {
            if let Err(message) = $crate::sandboxed(::std::path::Path::new(env!("CARGO_MANIFEST_DIR"))) {
                panic!("{message}");
            }
        }
    };
    ($native:expr, $cases:expr, config = $config:expr, natively) => {
        mod natively {
            #[allow(unused_imports)]
            use super::*;

            #[test]
            fn cases() {
                let folder = ::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join($cases);
                $crate::cases(&$native, &folder).assert_ok();
            }

            #[test]
            fn conformance() {
                $crate::conformance(&$native, $crate::Depth::Full, $config).assert_ok();
            }

            #[test]
            fn properties() {
                $crate::properties(&$native, 1, 1000, $config).assert_ok();
            }
        }
    };
}

/// Runs `weir plugin test` on a project, by the binary that the environment names.
///
/// # Errors
/// It cannot be run, or something failed: what it printed.
pub fn sandboxed(project: &Path) -> Result<(), String> {
    let weir = std::env::var_os("WEIR").unwrap_or_else(|| "weir".into());
    sandboxed_by(&weir, project)
}

fn sandboxed_by(weir: &OsStr, project: &Path) -> Result<(), String> {
    let output = Command::new(weir).args(["plugin", "test"]).arg(project).output();
    let output = output.map_err(|error| {
        format!(
            "{} cannot be run ({error}): the tests in the sandbox need the weir binary. Put it into PATH, or name it \
             by the environment variable WEIR; to go without: cargo test -- --skip in_the_sandbox",
            weir.to_string_lossy()
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(format!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_binary_it_says_what_to_do() {
        let message = sandboxed_by("/nonexistent/weir".as_ref(), Path::new(".")).unwrap_err();
        assert!(message.contains("environment variable WEIR"), "{message}");
        assert!(message.contains("--skip in_the_sandbox"), "{message}");
    }

    #[test]
    fn what_the_binary_says_is_passed_on() {
        assert_eq!(sandboxed_by("true".as_ref(), Path::new(".")), Ok(()));
        assert_eq!(sandboxed_by("false".as_ref(), Path::new(".")), Err(String::new()));
        // `echo` succeeds whatever it is told; `ls` does not know the folders plugin and test.
        let message = sandboxed_by("ls".as_ref(), Path::new("/nonexistent")).unwrap_err();
        assert!(message.contains("plugin") && message.contains("/nonexistent"), "{message}");
    }
}
