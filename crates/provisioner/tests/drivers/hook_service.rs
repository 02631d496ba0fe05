//! A service that keeps machines as the exec hook of these tests does, behind HTTP; and whatever else it is told to be.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use provisioner::driver::{Secrets, Signed};
use serde_json::Value;

use crate::bed::Place;

/// What both sides know.
pub const SECRET: &str = "a secret of both, 24 byte";

/// What the service is like.
#[derive(Default)]
pub struct Script {
    /// Answers that it gives instead of its own.
    pub canned: VecDeque<Canned>,
    /// It leaves operations under way, and tells of them so many questions later.
    pub later: Option<u32>,
    /// What it was asked, as `POST /create`, with its fence.
    pub asked: Vec<(String, String)>,
    left: Option<(u16, Vec<u8>)>,
}

/// An answer.
#[derive(Default)]
pub struct Canned {
    pub status: u16,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: String,
    /// The operation is done all the same.
    pub does_it: bool,
}

/// The service.
pub struct Service {
    pub url: String,
    pub place: Place,
    script: Arc<Mutex<Script>>,
}

#[derive(Clone)]
struct Machines {
    directory: PathBuf,
    secret: PathBuf,
}

impl Service {
    pub fn new() -> Self {
        let place = Place::new();
        std::fs::write(place.path("secret"), SECRET).unwrap();
        let machines = Machines { directory: place.path("."), secret: place.path("secret") };
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = web::Data::from(script.clone());
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || {
                    let machines = web::Data::new(machines.clone());
                    App::new().app_data(shared.clone()).app_data(machines).default_service(web::to(serve))
                };
                HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
            });
        });
        Self { url, place, script }
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub fn next(&self, canned: Canned) {
        self.script().canned.push_back(canned);
    }

    pub fn asked(&self, what: &str) -> usize {
        self.script().asked.iter().filter(|(asked, _)| asked.contains(what)).count()
    }
}

async fn serve(
    request: HttpRequest,
    body: web::Bytes,
    script: web::Data<Mutex<Script>>,
    machines: web::Data<Machines>,
) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut script = script.lock().unwrap();
    script.asked.push((format!("{} {}", request.method(), request.uri()), header("vartai-fence").to_owned()));
    let secrets = Secrets::read(std::slice::from_ref(&machines.secret)).unwrap();
    let (id, timestamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    if !secrets.verify(Signed { id, timestamp, signatures }, &body, Signed::now()) || header("idempotency-key") != id {
        return HttpResponse::Unauthorized().finish();
    }
    if let Some(canned) = script.canned.pop_front() {
        if canned.does_it {
            machines.run(request.path(), &body);
        }
        let mut response = HttpResponse::build(StatusCode::from_u16(canned.status).unwrap());
        for header in canned.headers {
            response.insert_header(header);
        }
        return response.body(canned.body);
    }
    if request.method() == "GET" {
        return match (script.later, script.left.take()) {
            (Some(0), Some((status, body))) => HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(body),
            (Some(left), Some(answer)) => {
                (script.later, script.left) = (Some(left - 1), Some(answer));
                HttpResponse::Accepted().body(HANDLE)
            }
            _ => HttpResponse::NotFound().finish(),
        };
    }
    let (status, body) = machines.run(request.path(), &body);
    let is_question = ["observe", "usage", "probe"].iter().any(|name| request.path().ends_with(name));
    if script.later.is_some() && !is_question {
        script.left = Some((status, body));
        return HttpResponse::Accepted().body(HANDLE);
    }
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).body(body)
}

/// What it says of work that it leaves under way.
pub const HANDLE: &str = r#"{"t":"handle","handle":"job 7/ä","poll_after":0}"#;

impl Machines {
    /// An exit code as a status.
    fn run(&self, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let operation = path.rsplit('/').next().unwrap();
        let asked: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(asked["operation"], operation);
        let hook = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/drivers/hooks/machine.py");
        let mut command = Command::new("python3");
        command.arg(hook).arg(operation).env("MACHINES", &self.directory);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(body).unwrap();
        let ran = child.wait_with_output().unwrap();
        let status = match ran.status.code() {
            Some(0 | 10) => 200,
            Some(20) => 410,
            Some(64 | 65) => 422,
            Some(69 | 75) => 503,
            Some(79) => 412,
            _ => 500,
        };
        (status, ran.stdout)
    }
}

/// Nobody listens there.
pub fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Takes connections and says what it is told to, piece by piece, and then nothing more.
pub fn raw(pieces: Vec<(Duration, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // Who answers before it is asked is not understood.
            let _asked = stream.read(&mut [0; 4096]).unwrap();
            for (wait, piece) in &pieces {
                thread::sleep(*wait);
                if stream.write_all(piece).is_err() {
                    break;
                }
            }
            kept.push(stream);
        }
    });
    url
}
