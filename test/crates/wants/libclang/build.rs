fn main() {
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    bindgen::Builder::default()
        .header("wrapper.h")
        .allowlist_item("abs")
        .formatter(bindgen::Formatter::None)
        .generate()
        .expect("bindings")
        .write_to_file(out.join("bindings.rs"))
        .unwrap();
}
