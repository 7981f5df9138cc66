//! The machine of a run.

use std::fs;
use std::process::Command;

use crate::available_cores;

/// One sentence.
pub fn describe() -> String {
    let cpu = line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let memory = line("/proc/meminfo", "MemTotal").and_then(|text| text.trim_end_matches(" kB").parse().ok());
    let gib = memory.unwrap_or(0_u64).div_ceil(1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let file_system = file_system(&std::env::temp_dir().display().to_string());
    let cores = available_cores();
    format!(
        "{cores} cores ({cpu}), {gib} GiB of memory, Linux {}, databases on {file_system}. Servers, PostgreSQL and load generator share the cores.",
        kernel.trim()
    )
}

/// The type of the file system of a folder. On `tmpfs` nothing is durable.
fn file_system(folder: &str) -> String {
    let output = Command::new("stat").args(["--file-system", "--format=%T", folder]).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

fn line(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let value = text.lines().find(|line| line.starts_with(name))?.split_once(':')?.1;
    Some(value.trim().to_owned())
}
