use std::io;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use e2e::fault_proxy::Listener;

/// Passes bytes on to a port of this machine, unless it has been cut; can be led elsewhere.
pub struct Relay {
    listener: Listener,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    target: Option<u16>,
    open: Vec<TcpStream>,
}

impl Relay {
    pub fn to(port: u16) -> Self {
        let state = Arc::new(Mutex::new(State { target: Some(port), ..State::default() }));
        let shared = Arc::clone(&state);
        // An error is a connection that breaks, which both of its ends notice.
        let listener = Listener::start(move |client| drop(pass(&client, &shared)));
        Self { listener, state }
    }

    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// Breaks every connection, and takes no other until it is led somewhere.
    pub fn cut(&self) {
        let mut state = self.state.lock().expect("a relay");
        state.target = None;
        for connection in state.open.drain(..) {
            // It may have ended by itself.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    pub fn lead_to(&self, port: u16) {
        self.cut();
        self.state.lock().expect("a relay").target = Some(port);
    }
}

fn pass(client: &TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let server = {
        // Locked while it connects, so that no connection slips past a cut.
        let mut state = state.lock().expect("a relay");
        let Some(target) = state.target else { return Ok(()) };
        let server = TcpStream::connect(("127.0.0.1", target))?;
        state.open.extend([client.try_clone()?, server.try_clone()?]);
        server
    };
    thread::scope(|scope| {
        scope.spawn(|| one_way(client, &server));
        one_way(&server, client);
    });
    Ok(())
}

fn one_way(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
