fn main() {
    let sides: either::Either<&str, ()> = either::Either::Left(&env!("HASH")[..8]);
    println!("{} {}", macros::seven!(), sides.left().unwrap());
}
