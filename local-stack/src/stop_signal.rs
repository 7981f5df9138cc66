use actix_web::rt::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C or SIGTERM, heard from [`listen`](Self::listen) on, even while nobody waits for it.
pub struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// Takes both signals over from the system, which would end the process at once.
    ///
    /// # Errors
    /// One line.
    pub fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns once one of them has come.
    pub async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
