use actix_web::rt::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, received from [`listen`](Self::listen) on, also before [`received`](Self::received) is polled.
pub struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignal {
    /// Installs handlers for both signals, which would otherwise end the process immediately.
    ///
    /// # Errors
    /// One line that names the cause.
    pub fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("cannot listen for signals: {error}"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns after one of the signals.
    pub async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
