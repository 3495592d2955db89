//! A program without Python, which does of itself what the scripts do.
mod outcome;

// What the C library has in libraries of their own, or where these are empty, is found by their names.
#[link(name = "m")]
extern "C" {
    fn cbrt(x: f64) -> f64;
}

fn main() {
    let script = std::env::args().nth(1).expect("a script");
    if script.ends_with("panic.py") {
        outcome::catch();
        println!("caught");
        return;
    }
    // SAFETY: a pure function of the C library.
    println!("{}", unsafe { cbrt(std::hint::black_box(27.0)) } as u8);
    println!("built by a build script: {}", env!("BUILT"));
    std::process::exit(3);
}

#[cfg(test)]
mod tests {
    #[test]
    #[should_panic(expected = "on purpose")]
    fn unwinds_whatever_the_profile_says() {
        panic!("on purpose");
    }
}
