use std::fs;
use std::process::Output;

use crate::stack::{Stack, folder, program, run_to_its_end, taken_port};

const FREE: [&str; 4] = ["--auth-addr", "127.0.0.1:0", "--api-addr", "127.0.0.1:0"];

#[test]
fn a_port_in_use_is_one_line_and_leaves_nothing_behind() {
    for (flag, other) in [("--auth-addr", "--api-addr"), ("--api-addr", "--auth-addr")] {
        let folder = folder();
        let data = folder.path().join("data");
        let (listener, taken) = taken_port();
        let flags = [flag, taken.as_str(), other, "127.0.0.1:0"];
        let line = only_line(&run_to_its_end(program(&data, &flags)));
        let port = taken.rsplit(':').next().unwrap();
        assert!(line.contains(&format!("port {port} is in use")) && line.contains(flag), "{line}");
        assert!(!data.exists());

        drop(listener);
        assert!(Stack::launch(program(&data, &flags), &data).named("password").is_some());
    }
}

#[test]
fn one_port_for_both_is_a_port_in_use() {
    let folder = folder();
    let (listener, address) = taken_port();
    drop(listener);
    let flags = ["--auth-addr", address.as_str(), "--api-addr", address.as_str()];
    let line = only_line(&run_to_its_end(program(&folder.path().join("data"), &flags)));
    assert!(line.contains("in use") && line.contains("--api-addr"), "{line}");
}

#[test]
fn a_data_folder_that_cannot_be_used_is_one_line() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    for data in [file.clone(), file.join("below")] {
        let line = only_line(&run_to_its_end(program(&data, &FREE)));
        assert!(line.contains(data.to_str().unwrap()) && line.contains("not a directory"), "{line}");
        assert!(line.contains("--data-dir"), "{line}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn a_file_that_is_not_a_database_is_one_line() {
    let folder = folder();
    fs::write(
        folder.path().join("latchkey.db"),
        "not a database, and long enough to be seen as none".repeat(20),
    )
    .unwrap();
    let line = only_line(&run_to_its_end(program(folder.path(), &FREE)));
    assert!(line.contains("latchkey.db"), "{line}");
}

#[test]
fn lost_secrets_are_one_line() {
    let folder = folder();
    let data = folder.path().join("data");
    assert!(Stack::start(&data).stop("TERM").success());
    fs::remove_dir_all(data.join("secrets")).unwrap();
    let line = only_line(&run_to_its_end(program(&data, &FREE)));
    assert!(line.contains("KEY_ENCRYPTION_SECRET"), "{line}");
}

/// The only output of a failed start: one line on standard error.
fn only_line(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}
