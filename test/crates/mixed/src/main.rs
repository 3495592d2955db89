//! Libraries of an older release beside a static CPython that has some of them inside.
use pyo3::prelude::*;

unsafe extern "C" {
    fn size_of_map() -> i32;
}

fn main() -> PyResult<()> {
    println!("{} {}", &openssl::version::version()[..11], unsafe { size_of_map() });
    println!("{}", unsafe { pq_sys::PQlibVersion() } > 100_000);
    let refused = unsafe {
        let connection = pq_sys::PQconnectdb(c"host=127.0.0.1 port=1 sslmode=require".as_ptr());
        std::ffi::CStr::from_ptr(pq_sys::PQerrorMessage(connection))
    };
    println!("{}", refused.to_string_lossy().contains("refused"));
    Python::attach(|py| py.run(c"import ssl, sys; print(ssl.OPENSSL_VERSION[:11]); sys.stdout.flush()", None, None))
}
