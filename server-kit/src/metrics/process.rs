use std::{fmt, fs};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::process::{Resource, getrlimit};

/// The `process_` metrics that all Prometheus clients export, read from `/proc` at each scrape. Without it they are absent.
#[derive(Debug)]
pub(super) struct ProcessState {
    booted_at: Option<u64>,
}

impl ProcessState {
    pub fn new() -> Self {
        let booted_at = || fs::read_to_string("/proc/stat").ok()?.lines().find_map(boot_time);
        Self { booted_at: booted_at() }
    }
}

impl Collector for ProcessState {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(stat) = fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(Stat::parse) else {
            return Ok(());
        };
        let cpu = ConstCounter::new(stat.cpu_seconds);
        let help = "Processor time, of the user and of the system.";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?)?;

        let mut gauge = |name: &str, help: &str, value: Option<f64>| {
            let Some(gauge) = value.map(ConstGauge::new) else { return Ok(()) };
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        gauge("process_resident_memory_bytes", "Memory in RAM.", Some(stat.resident_bytes))?;
        let started_at = self.booted_at.map(|booted_at| float(booted_at) + stat.started_after);
        gauge("process_start_time_seconds", "Start of the process, in Unix time.", started_at)?;
        gauge("process_open_fds", "Open file descriptors.", open_files())?;
        // Absent if there is no limit.
        gauge(
            "process_max_fds",
            "Limit of open file descriptors.",
            getrlimit(Resource::Nofile).current.map(float),
        )
    }
}

/// Parts of `/proc/self/stat`, see `proc_pid_stat(5)`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    /// In seconds after the boot.
    started_after: f64,
    resident_bytes: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the name of the program, in parentheses. It may contain any character.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.trim_end().parse().ok().map(float);
        let ticks_per_second = float(rustix::param::clock_ticks_per_second());
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / ticks_per_second,
            started_after: field(22)? / ticks_per_second,
            resident_bytes: field(24)? * float(u64::try_from(rustix::param::page_size()).ok()?),
        })
    }
}

fn boot_time(line: &str) -> Option<u64> {
    line.strip_prefix("btime ")?.parse().ok()
}

/// Without the one that lists the others.
fn open_files() -> Option<f64> {
    let number = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    u64::try_from(number).ok().map(float)
}

#[expect(clippy::cast_precision_loss, reason = "bytes, ticks and seconds are far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::Stat;

    #[test]
    fn the_name_of_the_program_may_contain_any_character() {
        let numbers =
            "S 1 1 1 0 -1 4194560 2 0 0 0 150 50 0 0 20 0 9 0 3000 219000000 7 18446744073709551615 1 1\n";
        for name in ["auth-server", "a) S 1 (b", "a b"] {
            let stat = Stat::parse(&format!("1 ({name}) {numbers}")).expect("valid");
            let unit = u32::try_from(rustix::param::clock_ticks_per_second())
                .map(f64::from)
                .expect("a small number");
            let page = u32::try_from(rustix::param::page_size()).map(f64::from).expect("a small number");
            let expected =
                Stat { cpu_seconds: 200.0 / unit, started_after: 3000.0 / unit, resident_bytes: 7.0 * page };
            assert_eq!(stat, expected);
        }
        assert_eq!(Stat::parse("1 (auth-server) S 1"), None);
    }
}
