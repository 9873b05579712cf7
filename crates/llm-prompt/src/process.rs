//! Renders templates in a process of their own, which can be ended.
//!
//! A template is a program of a stranger's. minijinja counts its steps, but
//! neither all native work (values that hold themselves twice, compared; a
//! method that pads to any width) nor the stack is within that count, and what
//! runs wild in a thread cannot be stopped. So the program starts itself once
//! more as a renderer ([`serve`]) with a limit on its memory, gives it orders
//! through a pipe, and ends it when the time of one is over.

mod frame;
mod serve;

use std::fmt;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::TemplateError;
use super::order::{Order, Reply};
use llm_tokenizer::cancel::{Cancellation, Cancelled};

pub use serve::serve;

/// Time for a rendering: a hundred times what the longest real one takes.
const TIME: Duration = Duration::from_secs(3);
/// More of it for each MiB that is rendered.
const TIME_FOR_A_MIB: Duration = Duration::from_secs(1);
/// How long a wait goes on before it is asked whether anybody still wants it.
const TICK: Duration = Duration::from_millis(20);

/// Makes the command that starts a renderer.
type MakeCommand = dyn Fn() -> io::Result<Command> + Send + Sync;

/// A renderer in a process of its own, started when it is first needed and
/// again when it was ended.
pub struct RenderProcess {
    command: Box<MakeCommand>,
    running: Mutex<Option<Running>>,
}

impl fmt::Debug for RenderProcess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RenderProcess")
    }
}

/// A renderer that waits for orders or has one.
struct Running {
    child: Child,
    orders: ChildStdin,
    /// Ends where the process does.
    replies: Receiver<Vec<u8>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns the time that a rendering of so many bytes may take.
fn time_for(bytes: usize) -> Duration {
    let mib = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
    TIME.saturating_add(TIME_FOR_A_MIB.saturating_mul(mib))
}

impl RenderProcess {
    /// Prepares a renderer. `command` makes the command of a program that calls
    /// [`serve`] with its standard input and output.
    pub fn new(command: impl Fn() -> io::Result<Command> + Send + Sync + 'static) -> Self {
        Self {
            command: Box::new(command),
            running: Mutex::new(None),
        }
    }

    /// Starts the process ahead of the first order, so that nobody waits for it
    /// then. Where it does not start, the first order says so.
    pub fn start(&self) {
        let mut running = self.running();
        if running.is_none() {
            *running = self.started().ok();
        }
    }

    /// Renders an order.
    pub(super) fn render(
        &self,
        order: &Order<'_>,
        cancellation: &Cancellation,
    ) -> Result<String, TemplateError> {
        let bytes = serde_json::to_vec(order).map_err(|error| broken(&error))?;
        let mut running = self.running();
        // One that has ended since its last order, for whatever reason, is
        // replaced once.
        let sent = running
            .as_mut()
            .map(|one| frame::write(&mut one.orders, &bytes));
        if !matches!(sent, Some(Ok(()))) {
            *running = None;
            let mut fresh = self.started().map_err(|error| broken(&error))?;
            frame::write(&mut fresh.orders, &bytes).map_err(|error| broken(&error))?;
            *running = Some(fresh);
        }
        let Some(one) = running.as_mut() else {
            return Err(broken(&"it has not started"));
        };
        let reply = one.wait(time_for(bytes.len()), cancellation);
        if reply.is_err() {
            *running = None;
        }
        let reply: Reply = serde_json::from_slice(&reply?).map_err(|error| broken(&error))?;
        reply.into()
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn started(&self) -> io::Result<Running> {
        let mut child = (self.command)()?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A signal from the terminal is for whoever waits for the renderer.
            .process_group(0)
            .spawn()?;
        let (Some(orders), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("it has no pipes"));
        };
        let (sender, replies) = channel();
        std::thread::Builder::new().spawn(move || {
            while let Ok(Some(reply)) = frame::read(&mut output) {
                if sender.send(reply).is_err() {
                    return;
                }
            }
        })?;
        Ok(Running {
            child,
            orders,
            replies,
        })
    }
}

impl Running {
    /// Waits for the reply to an order.
    fn wait(
        &mut self,
        time: Duration,
        cancellation: &Cancellation,
    ) -> Result<Vec<u8>, TemplateError> {
        let start = Instant::now();
        loop {
            match self.replies.recv_timeout(TICK) {
                Ok(reply) => return Ok(reply),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            cancellation.check()?;
            if start.elapsed() >= time {
                return Err(too_long(time));
            }
        }
    }

    /// Says why the process has ended in the midst of an order.
    fn ended(&mut self) -> TemplateError {
        use std::os::unix::process::ExitStatusExt;

        match self.child.wait() {
            Ok(status) if status.signal().is_some() || status.code() == Some(PANICKED) => {
                TemplateError::Exhausted {
                    reason: format!(
                        "asks for more than {} MiB of memory, or nests without end",
                        serve::MEMORY >> 20
                    ),
                }
            }
            Ok(status) => broken(&format_args!("the renderer has ended ({})", told(status))),
            Err(error) => broken(&error),
        }
    }
}

/// Status of a Rust program that has panicked.
const PANICKED: i32 = 101;

fn told(status: ExitStatus) -> String {
    status
        .code()
        .map_or_else(|| status.to_string(), |code| format!("status {code}"))
}

fn too_long(time: Duration) -> TemplateError {
    TemplateError::Exhausted {
        reason: format!("was not done after {} s", time.as_secs()),
    }
}

fn broken(reason: &dyn fmt::Display) -> TemplateError {
    TemplateError::Process {
        reason: reason.to_string(),
    }
}

impl From<Cancelled> for TemplateError {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}
