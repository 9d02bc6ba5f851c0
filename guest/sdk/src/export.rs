//! From an author's traits to the exports of a component.

use std::marker::PhantomData;

use crate::bindings::about_part::exports::weir::plugin::about;
use crate::bindings::algorithm_part::exports::weir::plugin::algorithm;
use crate::bindings::protocol_part::exports::weir::plugin::protocol;
use crate::{
    Algorithm, Context, Description, Distribution, HealthCheck, Listener, Member, Monitor, Plugin, Pool,
    Protocol, Refusal, Share, Translation, log,
};

/// Gives an author's type the shape that the generated exports want. Used by the export macros.
#[derive(Debug)]
pub struct Adapter<T>(PhantomData<T>);

impl<T: Plugin> about::Guest for Adapter<T> {
    fn describe() -> Description {
        log::hook_panics();
        T::describe()
    }

    fn check_config(config: String) -> Result<(), Refusal> {
        log::hook_panics();
        T::check_config(&config)
    }
}

impl<T: Protocol> protocol::Guest for Adapter<T> {
    fn translate(
        ctx: Context,
        listener: Option<Listener>,
        pool: Option<Pool>,
        members: Vec<Member>,
        shares: Vec<Share>,
    ) -> Result<Translation, Refusal> {
        log::hook_panics();
        T::translate(&ctx, listener.as_ref(), pool.as_ref(), &members, &shares)
    }

    fn check_members(ctx: Context, pool: Pool, members: Vec<Member>) -> Vec<(u32, Refusal)> {
        log::hook_panics();
        T::check_members(&ctx, &pool, &members)
    }

    fn plan_monitor(ctx: Context, pool: Pool, monitor: Monitor) -> Result<HealthCheck, Refusal> {
        log::hook_panics();
        T::plan_monitor(&ctx, &pool, &monitor)
    }
}

impl<T: Algorithm> algorithm::Guest for Adapter<T> {
    fn distribute(ctx: Context, pool: Option<Pool>, members: Vec<Member>) -> Result<Distribution, Refusal> {
        log::hook_panics();
        T::distribute(&ctx, pool.as_ref(), &members)
    }
}

/// Exports a type that implements [`Protocol`](crate::Protocol) as this crate's plugin.
///
/// On other targets than `wasm32` it only checks that the type does.
#[macro_export]
macro_rules! export_protocol {
    ($ty:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Export = $crate::Adapter<$ty>;
            $crate::bindings::about_part::export_about_part!(
                Export with_types_in $crate::bindings::about_part
            );
            $crate::bindings::protocol_part::export_protocol_part!(
                Export with_types_in $crate::bindings::protocol_part
            );
        };
        // Elsewhere: only say whether it would do.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn implements<T: $crate::Protocol>() {}
            implements::<$ty>();
        };
    };
}

/// Exports a type that implements [`Algorithm`](crate::Algorithm) as this crate's plugin.
///
/// On other targets than `wasm32` it only checks that the type does.
#[macro_export]
macro_rules! export_algorithm {
    ($ty:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, missing_docs)]
        const _: () = {
            type Export = $crate::Adapter<$ty>;
            $crate::bindings::about_part::export_about_part!(
                Export with_types_in $crate::bindings::about_part
            );
            $crate::bindings::algorithm_part::export_algorithm_part!(
                Export with_types_in $crate::bindings::algorithm_part
            );
        };
        // Elsewhere: only say whether it would do.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn implements<T: $crate::Algorithm>() {}
            implements::<$ty>();
        };
    };
}

/// Makes a unit struct the plugin of one layer 4 protocol, as an [`L4`](crate::l4::L4) describes it, and exports it.
#[macro_export]
macro_rules! export_l4 {
    ($plugin:ident, $l4:expr) => {
        impl $crate::Plugin for $plugin {
            fn describe() -> $crate::Description {
                $l4.describe()
            }
        }

        impl $crate::Protocol for $plugin {
            fn translate(
                ctx: &$crate::Context,
                listener: Option<&$crate::Listener>,
                pool: Option<&$crate::Pool>,
                members: &[$crate::Member],
                shares: &[$crate::Share],
            ) -> Result<$crate::Translation, $crate::Refusal> {
                $crate::l4::translate(&$l4, ctx, listener, pool, members, shares)
            }

            fn check_members(
                ctx: &$crate::Context,
                pool: &$crate::Pool,
                members: &[$crate::Member],
            ) -> Vec<(u32, $crate::Refusal)> {
                $crate::l4::check_members(&$l4, ctx, pool, members)
            }

            fn plan_monitor(
                ctx: &$crate::Context,
                pool: &$crate::Pool,
                monitor: &$crate::Monitor,
            ) -> Result<$crate::HealthCheck, $crate::Refusal> {
                $crate::l4::plan_monitor(&$l4, ctx, pool, monitor)
            }
        }

        $crate::export_protocol!($plugin);
    };
}
