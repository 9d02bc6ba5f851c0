//! The `weir` command.

use std::process::ExitCode;

/// A call is a few hundred small allocations, and its threads share them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    weir::cli::run()
}
