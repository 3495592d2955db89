fn main() {
    println!("{}", git_version::git_version!(args = ["--always"]));
}
