fn main() { cc::Build::new().cpp(true).file("a.cc").compile("a"); }
