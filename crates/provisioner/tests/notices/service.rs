//! A customer's service: it keeps what it is told, and answers as it is to.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What it was told.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `POST /x HTTP/1.1`
    pub line: String,
    /// By their names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// A service on loopback.
pub struct Service {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// One that answers with these status lines and headers in turn, the last again and again. `ENDLESS` after them: the
    /// body never ends.
    pub fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/told?by=vartai", listener.local_addr().unwrap());
        let service = Self { url, asked: Arc::default(), answers: Arc::default() };
        service.answer(answers);
        let (asked, answers) = (service.asked.clone(), service.answers.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, answers) = (asked.clone(), answers.clone());
                // A client may go away at any time.
                thread::spawn(move || serve(&stream.unwrap(), &asked, &answers).ok());
            }
        });
        service
    }

    /// Answers so from now on.
    pub fn answer(&self, answers: &[&str]) {
        *self.answers.lock().unwrap() = answers.iter().rev().map(|answer| (*answer).to_owned()).collect();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(mut stream: &TcpStream, asked: &Mutex<Vec<Asked>>, answers: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    asked.lock().unwrap().push(Asked { line: line.trim_end().to_owned(), headers, body });
    let answer = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop() } else { answers.last().cloned() }
    };
    let answer = answer.unwrap_or_default();
    match answer.strip_suffix("ENDLESS") {
        None => write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        Some(head) => {
            write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 65536])?;
            }
        }
    }
}
