//! A cluster that answers as Proxmox VE's API documentation says Proxmox VE does: work is begun and told about by its
//! number, a machine takes one thing at a time, what a running machine can't take at once waits for its next start.

mod machine;

use std::{
    collections::{BTreeMap, VecDeque},
    net::TcpListener,
    sync::{Arc, Mutex, MutexGuard},
    thread,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, http::StatusCode, web};
use serde_json::{Value, json};

pub use machine::Machine;

/// What the token's file holds.
pub const SECRET: &str = "token-secret";
/// The template of every image, and where it is.
pub const TEMPLATE: u32 = 9000;
pub const NODE: &str = "pve1";

/// An answer of the API's.
pub type Answer = Result<Value, (u16, String)>;

/// The cluster.
#[derive(Default)]
pub struct Cluster {
    pub machines: BTreeMap<u32, Machine>,
    pub works: BTreeMap<String, Work>,
    /// Each call that changes something, as `POST qemu/100062/status/start`.
    pub calls: Vec<String>,
    /// What befalls calls: the first whose text is in a call takes it.
    pub trouble: VecDeque<(String, Trouble)>,
    /// So often work is told to be running before it is over.
    pub patience: u32,
    /// Every process gets a new number.
    pub pids: u64,
    begun: u64,
}

/// What befalls a call.
#[derive(Clone)]
pub enum Trouble {
    /// It is not done; this is answered.
    Refused(u16, &'static str),
    /// It is done, and this is answered instead.
    Answered(u16, &'static str),
    /// Its work is begun and ends so, undone.
    Fails(&'static str),
}

/// Work under way.
pub struct Work {
    pub vmid: u32,
    pub end: Option<String>,
    left: u32,
    effect: Option<Box<dyn FnOnce(&mut Cluster) + Send>>,
}

/// The cluster, where it is served.
pub struct Fake {
    cluster: Arc<Mutex<Cluster>>,
    pub url: String,
}

impl Fake {
    /// With the template.
    pub fn new() -> Self {
        let mut cluster = Cluster { patience: 1, pids: 1000, ..Cluster::default() };
        cluster.machines.insert(TEMPLATE, Machine::template());
        let cluster = Arc::new(Mutex::new(cluster));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let data = web::Data::from(cluster.clone());
        thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app = move || App::new().app_data(data.clone()).default_service(web::to(serve));
                HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run().await.unwrap();
            });
        });
        Self { cluster, url }
    }

    pub fn cluster(&self) -> MutexGuard<'_, Cluster> {
        self.cluster.lock().unwrap()
    }

    /// The next call in which `part` stands has this trouble.
    pub fn trouble(&self, part: &str, trouble: Trouble) {
        self.cluster().trouble.push_back((part.to_owned(), trouble));
    }

    /// How often calls with `part` in them were made.
    pub fn calls(&self, part: &str) -> usize {
        self.cluster().calls.iter().filter(|call| call.contains(part)).count()
    }
}

async fn serve(request: HttpRequest, body: web::Bytes, cluster: web::Data<Mutex<Cluster>>) -> HttpResponse {
    let authorization = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("PVEAPIToken=vartai@pve!vartai={SECRET}")) {
        return respond(401, "invalid token value!", &Value::Null);
    }
    let form = if body.is_empty() { request.query_string().as_bytes().to_vec() } else { body.to_vec() };
    let form = pairs(&form);
    let path = decoded(request.path().trim_start_matches("/api2/json/"));
    let answer = cluster.lock().unwrap().call(request.method().as_str(), &path, &form);
    match answer {
        Ok(data) => respond(200, "", &data),
        Err((status, why)) => respond(status, &why, &Value::Null),
    }
}

/// Proxmox VE says what is wrong in the status line.
fn respond(status: u16, reason: &str, data: &Value) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap()).json(json!({"data": data}));
    if !reason.is_empty() {
        response.head_mut().reason = Some(Box::leak(reason.to_owned().into_boxed_str()));
    }
    response
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let form = std::str::from_utf8(form).unwrap();
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

impl Cluster {
    fn call(&mut self, method: &str, path: &str, form: &[(String, String)]) -> Answer {
        let call = format!("{method} {}", path.strip_prefix(&format!("nodes/{NODE}/")).unwrap_or(path));
        if method != "GET" {
            self.calls.push(call.clone());
        }
        let at = self.trouble.iter().position(|(part, _)| call.contains(part.as_str()));
        match at.and_then(|at| self.trouble.remove(at)).map(|(_, trouble)| trouble) {
            None => self.answer(method, path, form),
            Some(Trouble::Refused(status, why)) => Err((status, why.to_owned())),
            Some(Trouble::Answered(status, why)) => {
                self.answer(method, path, form)?;
                Err((status, why.to_owned()))
            }
            Some(Trouble::Fails(end)) => Ok(self.begin(0, Some(end.to_owned()), |_| ())),
        }
    }

    fn answer(&mut self, method: &str, path: &str, form: &[(String, String)]) -> Answer {
        let segments: Vec<&str> = path.split('/').collect();
        match (method, segments.as_slice()) {
            ("GET", ["cluster", "resources"]) => Ok(self.resources()),
            ("GET", ["nodes"]) => Ok(json!([{"node": NODE, "status": "online", "mem": 1, "maxmem": 2}])),
            ("GET", ["nodes", NODE, "tasks", upid, "status"]) => self.work(upid),
            ("DELETE", ["nodes", NODE, "tasks", upid]) => {
                self.works.remove(*upid);
                Ok(Value::Null)
            }
            (method, ["nodes", NODE, "qemu", vmid, below @ ..]) => {
                let vmid: u32 = vmid.parse().unwrap();
                if !self.machines.contains_key(&vmid) {
                    let why = format!("Configuration file 'nodes/{NODE}/qemu-server/{vmid}.conf' does not exist");
                    return Err((500, why));
                }
                let is_busy = self.works.values().any(|work| work.vmid == vmid && work.effect.is_some());
                if method != "GET" && is_busy {
                    let why = format!("can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout");
                    return Err((500, why));
                }
                self.of_machine(method, vmid, below, form)
            }
            _ => Err((501, format!("Method '{method} /{path}' not implemented"))),
        }
    }

    fn resources(&self) -> Value {
        let rows = self.machines.iter().map(|(vmid, machine)| {
            json!({"id": format!("{}/{vmid}", machine.kind), "vmid": vmid, "node": NODE, "type": machine.kind,
                "template": u8::from(machine.config.contains_key("template"))})
        });
        rows.collect()
    }

    /// Begins work with an effect at its end: its number.
    pub fn begin(&mut self, vmid: u32, end: Option<String>, effect: impl FnOnce(&mut Self) + Send + 'static) -> Value {
        self.begun += 1;
        let upid = format!("UPID:{NODE}:0000{:04X}:00000000:65000000:qmwork:{vmid}:vartai@pve!vartai:", self.begun);
        let work = Work { vmid, end, left: self.patience, effect: Some(Box::new(effect)) };
        self.works.insert(upid.clone(), work);
        json!(upid)
    }

    fn work(&mut self, upid: &str) -> Answer {
        let work = self.works.get_mut(upid).ok_or((500, "no such task".to_owned()))?;
        if let Some(left) = work.left.checked_sub(1) {
            work.left = left;
            return Ok(json!({"upid": upid, "status": "running"}));
        }
        let (effect, end) = (work.effect.take(), work.end.clone());
        if let (Some(effect), None) = (effect, &end) {
            effect(self);
        }
        Ok(json!({"upid": upid, "status": "stopped", "exitstatus": end.unwrap_or_else(|| "OK".to_owned())}))
    }

    /// The node was restarted: what it was doing is forgotten, and was not done.
    pub fn forget_work(&mut self) {
        self.works.clear();
    }

    /// All that is under way is over.
    pub fn finish_work(&mut self) {
        let upids: Vec<String> = self.works.keys().cloned().collect();
        for upid in upids {
            while self.work(&upid).is_ok_and(|status| status["status"] == "running") {}
        }
    }

    pub fn new_pid(&mut self) -> u64 {
        self.pids += 1;
        self.pids
    }
}
