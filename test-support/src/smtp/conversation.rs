use std::io;
use std::net::TcpStream;
use std::thread;

use base64::prelude::{BASE64_STANDARD, Engine};

use super::wire::Wire;
use super::{ReceivedMail, Shared, SmtpFault, SmtpTls};

/// What the client has said so far.
#[derive(Default)]
struct State {
    login: Option<(String, String)>,
    from: String,
    to: String,
    /// How many mails the connection has carried.
    mails: usize,
}

/// Speaks SMTP until the client hangs up.
pub fn hold(shared: &Shared, stream: TcpStream) -> io::Result<()> {
    let mut wire = Wire::plain(stream);
    match shared.fault("") {
        Some(SmtpFault::Silent) => {
            shared.be_silent();
            return Ok(());
        }
        Some(SmtpFault::Greeting(code)) => return wire.say(&format!("{code} not now")),
        _ => {}
    }
    if shared.tls == SmtpTls::Implicit {
        wire = wire.encrypt(shared.tls_config.clone())?;
    }
    wire.say("220 localhost ESMTP")?;
    let mut state = State::default();
    loop {
        let line = wire.line()?;
        let command = line.to_ascii_uppercase();
        if command == "STARTTLS" {
            wire.say("220 go ahead")?;
            wire = wire.encrypt(shared.tls_config.clone())?;
            state = State::default();
        } else if command == "DATA" {
            wire.say("354 end with a dot")?;
            let data = wire.data()?;
            if !receive(shared, &mut wire, &state, data)? {
                return Ok(());
            }
            state.mails += 1;
        } else if command.starts_with("MAIL")
            && shared.fault("") == Some(SmtpFault::MailsPerConnection(state.mails))
        {
            return wire.say("421 4.7.0 too many messages on this connection");
        } else if command == "QUIT" {
            return wire.say("221 bye");
        } else if command.starts_with("MAIL") && shared.fault("") == Some(SmtpFault::SilentAfterSender) {
            shared.be_silent();
            return Ok(());
        } else {
            let response = respond(shared, &mut wire, &mut state, &line)?;
            wire.say(&response)?;
        }
    }
}

fn respond(shared: &Shared, wire: &mut Wire, state: &mut State, line: &str) -> io::Result<String> {
    let command = line.to_ascii_uppercase();
    if command.starts_with("EHLO") {
        let mut lines = vec!["localhost".to_owned()];
        if shared.tls == SmtpTls::StartTls && !wire.is_encrypted() {
            lines.push("STARTTLS".to_owned());
        } else if shared.login.is_some() {
            lines.push("AUTH PLAIN".to_owned());
        }
        let last = lines.pop().unwrap_or_default();
        for line in lines {
            wire.say(&format!("250-{line}"))?;
        }
        return Ok(format!("250 {last}"));
    }
    if let Some(initial) = line.strip_prefix("AUTH PLAIN ") {
        return Ok(log_in(shared, state, initial));
    }
    if let Some(from) = line.strip_prefix("MAIL FROM:<") {
        state.from = address(from);
        if let Some(SmtpFault::Sender(code)) = shared.fault("") {
            return Ok(format!("{code} sender rejected"));
        }
        if shared.login.is_some() && state.login.is_none() {
            return Ok("530 5.7.0 authentication required".to_owned());
        }
        return Ok("250 ok".to_owned());
    }
    if let Some(to) = line.strip_prefix("RCPT TO:<") {
        state.to = address(to);
        return Ok(match shared.fault(&state.to) {
            Some(SmtpFault::Recipient(code)) => format!("{code} no such mailbox: {}", state.to),
            _ => "250 ok".to_owned(),
        });
    }
    Ok(match command.as_str() {
        "RSET" | "NOOP" => "250 ok".to_owned(),
        _ => "502 not implemented".to_owned(),
    })
}

/// `\0user\0password` (RFC 4616).
fn log_in(shared: &Shared, state: &mut State, initial: &str) -> String {
    let decoded = BASE64_STANDARD.decode(initial).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    let mut parts = text.split('\0').skip(1).map(str::to_owned);
    let login = parts.next().zip(parts.next());
    if login.is_some() && login == shared.login {
        state.login = login;
        "235 welcome".to_owned()
    } else {
        "535 5.7.8 wrong password".to_owned()
    }
}

/// Returns whether the conversation goes on.
fn receive(shared: &Shared, wire: &mut Wire, state: &State, data: String) -> io::Result<bool> {
    let fault = shared.fault(&state.to);
    match fault {
        Some(SmtpFault::Data(code)) => {
            wire.say(&format!("{code} content rejected"))?;
            return Ok(true);
        }
        Some(SmtpFault::SilentAfterData) => {
            shared.be_silent();
            return Ok(false);
        }
        Some(SmtpFault::Slow(delay)) => thread::sleep(delay),
        _ => {}
    }
    let State { login, from, to, .. } = state;
    shared.received.lock().expect("the mails").push(ReceivedMail {
        from: from.clone(),
        to: to.clone(),
        data,
        login: login.clone(),
        is_encrypted: wire.is_encrypted(),
    });
    if fault == Some(SmtpFault::CutAfterData) {
        return Ok(false);
    }
    wire.say("250 2.0.0 queued")?;
    Ok(true)
}

fn address(rest: &str) -> String {
    rest.split('>').next().unwrap_or_default().to_owned()
}
