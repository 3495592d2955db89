#[cxx::bridge]
pub mod ffi {
    unsafe extern "C++" {
        include!("c-libraries/c/size.h");
        fn size(count: u32) -> u32;
    }
}
