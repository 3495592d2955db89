#![allow(non_upper_case_globals)]
include!(concat!(env!("OUT_DIR"), "/bindings.rs"));

fn main() {
    println!("{}", unsafe { abs(-42) });
}
