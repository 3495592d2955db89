fn main() {
    println!("{}", home::home_dir().is_some());
}
