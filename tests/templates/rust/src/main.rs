//! Answers with the page of the frontend, and with how small zstd, which is written in C, makes a text.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

#[derive(rust_embed::Embed)]
#[folder = "web/dist/"]
struct Pages;

fn main() {
    let listener = TcpListener::bind("0.0.0.0:8080").expect("the port is free");
    for stream in listener.incoming().flatten() {
        if let Err(error) = answer(stream) {
            eprintln!("{error}");
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let request = head.first().cloned().unwrap_or_default();
    let body = if request.starts_with("GET /small ") {
        let text = "small ".repeat(1000);
        let packed = zstd::encode_all(text.as_bytes(), 3)?;
        format!("{} bytes on {}", packed.len(), std::env::consts::ARCH).into_bytes()
    } else {
        Pages::get("index.html").map(|page| page.data.into_owned()).unwrap_or_default()
    };
    write!(stream, "HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}
