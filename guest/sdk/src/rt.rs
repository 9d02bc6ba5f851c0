//! What the generated bindings need at run time, as `wit-bindgen`'s own runtime has it (Apache-2.0 WITH
//! LLVM-exception): memory for what the host hands over, and constructors run once.
#![allow(unsafe_code)]

use std::alloc::{self, Layout};
use std::ptr::{self, NonNull};

/// Called by the bindings where they need `cabi_realloc`: it is in this crate, so it is linked.
pub fn maybe_link_cabi_realloc() {}

/// Memory for what the host hands over; named and shaped by the component model's canonical ABI.
///
/// # Safety
/// The host calls it as that ABI says: `old_ptr` and `old_len` are of a former call or zero.
#[cfg(target_arch = "wasm32")]
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old_ptr: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    let ptr = unsafe {
        if old_len == 0 {
            if new_len == 0 {
                return ptr::without_provenance_mut(align);
            }
            alloc::alloc(Layout::from_size_align_unchecked(new_len, align))
        } else {
            alloc::realloc(old_ptr, Layout::from_size_align_unchecked(old_len, align), new_len)
        }
    };
    if ptr.is_null() {
        // A trap, and nothing that would need memory to say more.
        std::arch::wasm32::unreachable();
    }
    ptr
}

/// Runs static constructors at most once: the bindings call it first in every export. Because it names
/// `__wasm_call_ctors`, the linker leaves running them to us.
#[cfg(target_arch = "wasm32")]
pub fn run_ctors_once() {
    use std::sync::atomic::{AtomicBool, Ordering};

    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    static RUN: AtomicBool = AtomicBool::new(false);
    if !RUN.swap(true, Ordering::Relaxed) {
        unsafe { __wasm_call_ctors() };
    }
}

/// Gives memory back that a call's arguments were laid out in.
#[derive(Debug)]
pub struct Cleanup {
    ptr: NonNull<u8>,
    layout: Layout,
}

impl Cleanup {
    /// Memory of `layout`, and who gives it back; null and nobody for none.
    pub fn new(layout: Layout) -> (*mut u8, Option<Cleanup>) {
        if layout.size() == 0 {
            return (ptr::null_mut(), None);
        }
        // Of a size above zero.
        let ptr = unsafe { alloc::alloc(layout) };
        match NonNull::new(ptr) {
            Some(ptr) => (ptr.as_ptr(), Some(Cleanup { ptr, layout })),
            None => alloc::handle_alloc_error(layout),
        }
    }

    /// Leaves the memory to whom it was handed.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        // Of `new`, with its layout.
        unsafe { alloc::dealloc(self.ptr.as_ptr(), self.layout) };
    }
}
