use prost::Message;

include!(concat!(env!("OUT_DIR"), "/message.rs"));

fn main() {
    println!("{}", Number { value: 300 }.encoded_len());
}
