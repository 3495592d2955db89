fn main() {
    #[cfg(feature = "tools")]
    tools();
    #[cfg(feature = "cxx")]
    cxx_build::bridge("src/bridge.rs").file("c/size.cc").std("c++17").compile("size");
}

#[cfg(feature = "tools")]
fn tools() {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    bindgen::Builder::default()
        .header("c/wrapper.h")
        .allowlist_item("abs|strlen|POINTER_BITS")
        .formatter(bindgen::Formatter::None)
        .generate()
        .expect("bindings")
        .write_to_file(out.join("bindings.rs"))
        .unwrap();
    prost_build::compile_protos(&["proto/message.proto"], &["proto"]).unwrap();
    let built = cmake::build("c");
    println!("cargo:rustc-link-search=native={}/lib", built.display());
    println!("cargo:rustc-link-lib=static=add");
}
