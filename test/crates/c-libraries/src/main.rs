//! One line for each crate that brings C or C++ with it: that it was built for the target, linked, and answers there.
use pyo3::prelude::*;
use std::ffi::CStr;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(feature = "cxx")]
mod bridge;

#[cfg(feature = "tools")]
mod bindings {
    #![allow(dead_code, non_upper_case_globals, non_camel_case_types)]
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

#[cfg(feature = "tools")]
mod message {
    include!(concat!(env!("OUT_DIR"), "/message.rs"));
}

fn main() {
    let answer = Python::attach(|py| py.eval(c"6 * 7", None, None).unwrap().extract::<i32>().unwrap());
    println!("python {answer}");
    let sqlite = unsafe { CStr::from_ptr(libsqlite3_sys::sqlite3_libversion()) };
    println!("libsqlite3-sys {}", sqlite.to_str().unwrap().starts_with("3."));
    println!("zstd-sys {}", unsafe { zstd_sys::ZSTD_compressBound(1000) } > 1000);
    let digest = ring::digest::digest(&ring::digest::SHA256, b"abc");
    println!("ring {:02x}{:02x}", digest.as_ref()[0], digest.as_ref()[1]);
    println!("mimalloc {}", vec![1_u8; 1000].len());
    #[cfg(feature = "tools")]
    tools();
    #[cfg(feature = "cxx")]
    {
        println!("cxx {}", bridge::ffi::size(3));
        println!("rdkafka-sys {:x}", unsafe { rdkafka_sys::rd_kafka_version() } >> 24);
    }
    #[cfg(feature = "python")]
    python();
}

#[cfg(feature = "tools")]
fn tools() {
    use prost::Message;
    extern "C" {
        fn add(a: i32, b: i32) -> i32;
    }
    let bits = bindings::POINTER_BITS == usize::BITS;
    println!("bindgen {} {bits}", unsafe { bindings::abs(-3) });
    println!("prost-build {}", message::Number { value: 300 }.encoded_len());
    println!("cmake {}", unsafe { add(1, 2) });
    println!("openssl-sys {}", openssl::version::version().starts_with("OpenSSL 3."));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"abc");
    println!("aws-lc-rs {:02x}{:02x}", digest.as_ref()[0], digest.as_ref()[1]);
}

#[cfg(feature = "python")]
fn python() {
    println!("numpy {}", numpy::ndarray::arr1(&[1.0, 2.0]).sum());
    let wait = async {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        Ok(42)
    };
    let answer = Python::attach(|py| pyo3_async_runtimes::tokio::run(py, wait)).unwrap();
    println!("pyo3-async-runtimes {answer}");
}
