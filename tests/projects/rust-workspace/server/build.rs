//! Writes down what the program is compiled for, as Docker calls it.

use std::{env, fs, path::PathBuf};

fn main() {
    let target = env::var("CARGO_CFG_TARGET_ARCH").unwrap();
    let name = match target.as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let place = PathBuf::from(env::var_os("OUT_DIR").unwrap()).join("target.rs");
    fs::write(place, format!("pub const TARGET: &str = {name:?};\n")).unwrap();
    println!("cargo:rerun-if-changed=build.rs");
}
