//! The renderer's side: orders in, replies out, until the input ends.

use std::io::{self, Read, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;

use super::{frame, time_for};
use crate::order::{Order, Reply};
use crate::{ChatTemplate, TemplateError};

/// Bytes that a rendering may take, beside what it is given: ten times what the
/// longest known template takes for a long conversation.
pub(super) const MEMORY: u64 = 256 << 20;
/// More of it for each byte that it is given, which stands there as text, as
/// values, and up to five times as long with marks, some copies of each.
const MEMORY_FOR_A_BYTE: u64 = 64;
/// Stack of the thread that renders. One that overflows ends the process.
const STACK: usize = 64 << 20;
/// More than whoever gave the order waits, so that this ends the process only
/// where nobody is left to do so.
const PATIENCE: Duration = Duration::from_secs(2);
/// Templates that are kept parsed: a model has one, or one more for tools.
const KEPT: usize = 4;

/// Renders the orders of a [`RenderProcess`](super::RenderProcess) until `input`
/// ends. The process gives up most of its memory and of its time for it: only a
/// program that does nothing else may call this.
///
/// # Errors
/// A pipe that breaks, or a thread that does not start.
pub fn serve(input: impl Read + Send, output: impl Write + Send) -> io::Result<()> {
    // A core file of a hostile template's is of no use to anybody.
    limit(Resource::Core, 0);
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let worker = thread.spawn_scoped(scope, || answer_all(input, output))?;
        let panicked = |_| io::Error::other("the renderer has panicked");
        worker.join().map_err(panicked)?
    })
}

fn answer_all(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    let watchdog = watchdog()?;
    let mut templates: Vec<ChatTemplate> = Vec::new();
    while let Some(bytes) = frame::read(&mut input)? {
        let given = bytes.len();
        let order = read(&bytes)?;
        let reply = Reply::from(parsed(&mut templates, &order.source).and_then(|template| {
            let memory = MEMORY_FOR_A_BYTE.saturating_mul(given as u64);
            limit(Resource::Data, memory.saturating_add(MEMORY + STACK as u64));
            watchdog.send(Some(time_for(given) + PATIENCE)).ok();
            template.render_here(&order.conversation, order.markup())
        }));
        // Parsing has bounds of its own, and a larger stack.
        limit(Resource::Data, u64::MAX);
        watchdog.send(None).ok();
        frame::write(&mut output, &serde_json::to_vec(&reply)?)?;
    }
    Ok(())
}

/// Reads an order. How deep it nests was bounded where its lines were read, and
/// the order itself adds some levels.
fn read(bytes: &[u8]) -> serde_json::Result<Order<'_>> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    json.disable_recursion_limit();
    Order::deserialize(&mut json)
}

/// Returns a template that may have been parsed for an earlier order.
fn parsed<'t>(
    templates: &'t mut Vec<ChatTemplate>,
    source: &str,
) -> Result<&'t ChatTemplate, TemplateError> {
    let known = templates.iter().position(|one| one.source() == source);
    let index = match known {
        Some(index) => index,
        None => {
            templates.truncate(KEPT - 1);
            templates.push(ChatTemplate::new(source)?);
            templates.len() - 1
        }
    };
    Ok(&templates[index])
}

/// Starts what ends the process where a rendering takes longer than it was sent
/// last; none is no end.
fn watchdog() -> io::Result<Sender<Option<Duration>>> {
    let (sender, times) = channel::<Option<Duration>>();
    thread::Builder::new().spawn(move || {
        let mut time = None;
        loop {
            let next = match time {
                None => times.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(time) => times.recv_timeout(time),
            };
            time = match next {
                Ok(next) => next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => std::process::abort(),
            };
        }
    })?;
    Ok(sender)
}

/// Sets a limit of this process; where the system does not let it, the time
/// still bounds the rendering.
fn limit(resource: Resource, most: u64) {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(most, |maximum| maximum.min(most)));
    setrlimit(resource, Rlimit { current, maximum }).ok();
}
