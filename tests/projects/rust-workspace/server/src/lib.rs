//! What the program says.

use serde::Serialize;

include!(concat!(env!("OUT_DIR"), "/target.rs"));

#[derive(Serialize)]
pub struct Said {
    pub compiled_for: &'static str,
    pub runs_on: &'static str,
    pub greeting: &'static str,
    pub packed: usize,
}

/// `text` as zstd packs it, and what this program is.
pub fn said(text: &str) -> std::io::Result<Said> {
    let packed = zstd::encode_all(text.as_bytes(), 3)?;
    assert_eq!(zstd::decode_all(&packed[..])?, text.as_bytes());
    Ok(Said {
        compiled_for: TARGET,
        runs_on: std::env::consts::ARCH,
        greeting: macros::shout!("hello"),
        packed: packed.len(),
    })
}
