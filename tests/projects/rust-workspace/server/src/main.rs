fn main() -> std::io::Result<()> {
    let text = std::env::args().nth(1).unwrap_or_default();
    println!("{}", serde_json::to_string(&server::said(&text)?)?);
    Ok(())
}
