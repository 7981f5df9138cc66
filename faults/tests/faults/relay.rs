use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use test_support::fault_proxy::Listener;

/// Forwards connections to a port of this machine. Can be cut, paused, and directed to another port.
pub struct Relay {
    listener: Listener,
    state: Arc<Shared>,
}

/// The state of the relay, and a signal for when it forwards again.
type Shared = (Mutex<State>, Condvar);

#[derive(Default)]
struct State {
    target: Option<u16>,
    open: Vec<TcpStream>,
    is_held: bool,
}

impl Relay {
    pub fn to(port: u16) -> Self {
        let state = State { target: Some(port), ..State::default() };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        // An error means that the connection broke, which both ends notice.
        let listener = Listener::start(move |client| drop(pass(&client, &shared)));
        Self { listener, state }
    }

    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Closes every connection, and accepts none until it is directed to a port.
    pub fn cut(&self) {
        let mut state = self.state.0.lock().expect("a relay");
        state.target = None;
        for connection in state.open.drain(..) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Forwards nothing in either direction, without closing connections.
    pub fn hold(&self) {
        self.state.0.lock().expect("a relay").is_held = true;
    }

    /// Forwards again, first what was received meanwhile.
    pub fn release(&self) {
        self.state.0.lock().expect("a relay").is_held = false;
        self.state.1.notify_all();
    }

    pub fn forward_to(&self, port: u16) {
        self.cut();
        self.state.0.lock().expect("a relay").target = Some(port);
    }
}

fn pass(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    let server = {
        // Locked while it connects, so that a cut closes every connection.
        let mut state = shared.0.lock().expect("a relay");
        let Some(target) = state.target else { return Ok(()) };
        let server = TcpStream::connect(("127.0.0.1", target))?;
        state.open.extend([client.try_clone()?, server.try_clone()?]);
        server
    };
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, &server, shared));
        one_way(&server, client, shared);
    });
    Ok(())
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        let state = shared.0.lock().expect("a relay");
        drop(shared.1.wait_while(state, |state| state.is_held).expect("a relay"));
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
