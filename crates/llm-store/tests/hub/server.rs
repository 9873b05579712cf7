//! A hub of two hosts on this machine: one answers the API, the other has the
//! bytes. It speaks just enough HTTP by hand to break off and to fall silent.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

/// What a host does with a request: the whole answer, and how long the line
/// is held open after it.
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) hold: Duration,
}

impl Reply {
    /// An answer whose length is that of its body.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::claiming(status, headers, body.len(), body)
    }

    /// An answer that claims another length than its body has.
    pub(crate) fn claiming(
        status: u16,
        headers: &[(&str, &str)],
        length: usize,
        body: &[u8],
    ) -> Self {
        let mut head = format!("HTTP/1.1 {status} Test\r\nConnection: close\r\n");
        head.push_str(&format!("Content-Length: {length}\r\n"));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        Self {
            bytes: [head.as_bytes(), body].concat(),
            hold: Duration::ZERO,
        }
    }
}

/// One host; it runs until the test's process ends.
pub(crate) struct Host {
    pub(crate) port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Host {
    /// Starts a host that answers each request with `answer`.
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &seen, answer.as_ref()));
            }
        });
        Self { port, requests }
    }

    /// Returns the requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Returns how many requests had this method and this in their path.
    pub(crate) fn count(&self, method: &str, part: &str) -> usize {
        let requests = self.requests();
        requests
            .iter()
            .filter(|request| request.method == method && request.path.contains(part))
            .count()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let mut words = first.split(' ');
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        authorization: None,
    };
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            request.authorization = Some(value.trim().to_owned());
        }
    }
    seen.lock().unwrap().push(request.clone());
    let reply = answer(&request);
    // A client that has hung up is what some tests are about.
    let _ = stream.write_all(&reply.bytes).and_then(|()| stream.flush());
    thread::sleep(reply.hold);
}
