//! What both programs do the same: a panic, caught where the profile lets panics unwind.
use std::hint::black_box;
use std::panic::{catch_unwind, set_hook};

struct Noisy;

impl Drop for Noisy {
    fn drop(&mut self) {
        println!("unwound");
    }
}

/// Panics and catches it, which prints `unwound`; ends the process where panics abort.
pub fn catch() {
    set_hook(Box::new(|_| ()));
    let caught = catch_unwind(|| {
        let _noisy = black_box(Noisy);
        let none: Option<u8> = black_box(None);
        none.expect("a value")
    });
    caught.expect_err("a panic");
}
