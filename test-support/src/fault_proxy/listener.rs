use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Listens on a free port of the loopback, with one thread per connection. Closes the port when dropped.
pub struct Listener {
    port: u16,
    stopping: Arc<AtomicBool>,
}

impl Listener {
    pub fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let stopping = Arc::new(AtomicBool::new(false));
        let (stop, serve) = (Arc::clone(&stopping), Arc::new(serve));
        thread::spawn(move || {
            for connection in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let (connection, serve) = (connection.expect("a connection"), Arc::clone(&serve));
                thread::spawn(move || serve(connection));
            }
        });
        Self { port, stopping }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // The thread checks the flag after the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}
