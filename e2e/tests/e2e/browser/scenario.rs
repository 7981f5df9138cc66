use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, io};

use actix_web::rt;
use tempfile::TempDir;

use super::{control, one_host};
use crate::stack::{Running, Stack};
use test_support::fault_proxy::FaultProxy;
use test_support::free_address;

/// After this time a scenario counts as hung. Each step has a shorter limit with a better message.
const PATIENCE: Duration = Duration::from_secs(480);
const HINT: &str = "run scripts/test.sh --setup-only";

/// Runs `e2e/browser/NAME.test.mjs` on a stack of its own. A failure prints its complete output.
pub async fn play(name: &str) {
    play_on(name, Setup::TwoHosts).await;
}

/// The same, with both servers behind one host.
pub async fn play_behind_one_host(name: &str) {
    play_on(name, Setup::OneHost).await;
}

/// The same with the origins and the sign-in link of the local stack.
pub async fn play_on_local_stack(name: &str) {
    play_on(name, Setup::LocalStack).await;
}

/// The same with many users, and with a server that the scenario can stop and start.
pub async fn play_console(name: &str) {
    play_on(name, Setup::Console).await;
}

/// The same, where users must prove their addresses.
pub async fn play_with_required_addresses(name: &str) {
    play_on(name, Setup::RequiredAddresses).await;
}

/// The same, where every user must have a second factor.
pub async fn play_with_required_factors(name: &str) {
    play_on(name, Setup::RequiredFactors).await;
}

/// The same, where administrators need a second factor.
pub async fn play_with_factors_of_administrators(name: &str) {
    play_on(name, Setup::FactorsOfAdministrators).await;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Setup {
    TwoHosts,
    OneHost,
    LocalStack,
    Console,
    RequiredAddresses,
    RequiredFactors,
    FactorsOfAdministrators,
}

/// Of the console.
const USERS: u32 = 160;

async fn play_on(name: &str, setup: Setup) {
    let proxy = Rc::new(FaultProxy::start());
    let stack = Rc::new(Stack::behind(proxy.url()));
    // Where the scenario can serve a page that both servers allow.
    let page = format!("http://localhost:{}", free_address().port());
    let is_local_stack = !matches!(setup, Setup::TwoHosts | Setup::OneHost);
    let origins = format!("{},{page}", stack.auth);
    let api = if is_local_stack {
        stack.host_api(&["--accept-cookie=true"])
    } else {
        stack.start_api_with(&["--allowed-origins", &origins, "--accept-cookie=true"])
    };
    let api_url = api.url.replace("127.0.0.1", "localhost");
    let flags = ["--access-token-ttl", "1m", "--demo-api-url", &api_url];
    let (auth, code) = if is_local_stack {
        let more: &[&str] = match setup {
            Setup::RequiredAddresses => &["--email-verification", "required"],
            Setup::RequiredFactors => &["--mfa", "required"],
            Setup::FactorsOfAdministrators => &["--mfa-required-roles", "admin"],
            Setup::TwoHosts | Setup::OneHost | Setup::LocalStack | Setup::Console => &[],
        };
        stack.host_auth(&[&flags[..], &["--cookie-secure", "false"], more].concat()).await
    } else {
        let auth = stack.start_auth_with(&[&flags[..], &["--allowed-origins", &page]].concat()).await;
        (auth, String::new())
    };
    // Without the demo page, so that it has the start page.
    let plain = stack.start_auth().await;
    let one_host = one_host::listen(&auth.url, &api.url);
    let is_one_host = setup == Setup::OneHost;
    if is_local_stack {
        stack.db_enqueue_mail("00000000-0000-4000-8000-000000000001", "ann@example.org", "en");
        stack.db_enqueue_mail("00000000-0000-4000-8000-000000000002", "bärbel@example.org", "de");
    }
    proxy.forward_to(&if is_one_host {
        format!("http://127.0.0.1:{}", one_host.port())
    } else {
        auth.url.clone()
    });
    api.wait_until_ready().await;
    let is_stopped = Arc::new(AtomicBool::new(false));
    if setup == Setup::Console {
        stack.db_add_users(USERS);
        rt::spawn(stop_and_start(auth, Rc::clone(&stack), Rc::clone(&proxy), Arc::clone(&is_stopped)));
    }
    let control = control::listen(proxy.faults.clone(), stack.clock.clone(), is_stopped);
    let control_url = format!("http://127.0.0.1:{}", control.port());
    let variables = [
        ("AUTH_URL", &proxy.url()),
        ("API_URL", &api_url),
        ("PAGE_URL", &page),
        ("CONTROL_URL", &control_url),
        ("SIGN_IN_CODE", &code),
        ("PLAIN_URL", &plain.url),
    ];
    act(name, &variables.map(|(name, value)| (name, value.as_str()))).await;
}

/// Stops the server while the scenario wants that, and starts it again with the same database.
async fn stop_and_start(
    mut running: Running,
    stack: Rc<Stack>,
    proxy: Rc<FaultProxy>,
    is_stopped: Arc<AtomicBool>,
) {
    let pause = || rt::time::sleep(Duration::from_millis(20));
    loop {
        while !is_stopped.load(Ordering::SeqCst) {
            pause().await;
        }
        running.stop().await;
        while is_stopped.load(Ordering::SeqCst) {
            pause().await;
        }
        running = stack.host_auth_again(&["--cookie-secure", "false"]).await;
        proxy.forward_to(&running.url);
    }
}

/// Runs it with the servers that these variables name.
pub async fn act(name: &str, variables: &[(&str, &str)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    for modules in ["node_modules/playwright-core", "../../web/examples/node_modules/vite"] {
        assert!(folder.join(modules).exists(), "{modules} is missing: {HINT}");
    }
    let chromium = chromium().unwrap_or_else(|| panic!("Chromium was not found: {HINT}"));

    // Chromium's profile is removed with the folder.
    let temporary = TempDir::new().expect("a folder");
    let output = temporary.path().join("output");
    let mut node = Command::new("node");
    node.args(["--test-reporter=spec", &format!("{name}.test.mjs")])
        .current_dir(folder)
        .envs(variables.iter().copied())
        .env("CHROMIUM", chromium)
        .env("TMPDIR", temporary.path());
    let status = run(node, &output).await;
    let printed = fs::read_to_string(&output).expect("an output");
    match status {
        Ok(Some(status)) => assert!(status.success(), "{name}: {status}\n{printed}"),
        Ok(None) => panic!("{name} hung\n{printed}"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => panic!("node was not found: {HINT}"),
        Err(error) => panic!("node: {error}"),
    }
}

/// Runs the command while the servers in this thread continue. Returns `None` after a timeout, when it is killed, and
/// Chromium with it.
async fn run(mut command: Command, output: &Path) -> io::Result<Option<ExitStatus>> {
    let output = File::create(output)?;
    let mut child =
        command.stdout(output.try_clone()?).stderr(output).stdin(std::process::Stdio::null()).spawn()?;
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        rt::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Chromium on PATH, or the program that `CHROMIUM` names by its path or by another name on PATH.
fn chromium() -> Option<PathBuf> {
    let name = env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(&name)).find(|path| path.exists())
}
