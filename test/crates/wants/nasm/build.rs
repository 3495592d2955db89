fn main() {
    nasm_rs::compile_library("libanswer.a", &["answer.asm"]).unwrap();
    println!("cargo:rustc-link-lib=static=answer");
}
