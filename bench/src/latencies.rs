use std::time::Duration;

/// Measured response times.
#[derive(Debug)]
pub struct Latencies {
    sorted: Vec<Duration>,
}

impl Latencies {
    /// `None` if nothing was measured.
    #[must_use]
    pub fn of(mut measured: Vec<Duration>) -> Option<Self> {
        measured.sort_unstable();
        (!measured.is_empty()).then_some(Self { sorted: measured })
    }

    /// The number of measurements.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The measurement that `percent` of all do not exceed, by nearest rank.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.count() * percent).div_ceil(100).clamp(1, self.count());
        self.sorted[rank - 1]
    }

    /// The 50th percentile.
    #[must_use]
    pub fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// Milliseconds with two decimals.
#[must_use]
pub fn millis(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn percentiles_are_measured_values() {
        let all = Latencies::of((1..=200).rev().map(Duration::from_millis).collect()).unwrap();
        let percentiles = [0, 10, 50, 99, 100].map(|percent| all.percentile(percent).as_millis());
        assert_eq!(percentiles, [1, 20, 100, 198, 200]);
    }

    #[test]
    fn one_measurement_is_every_percentile_and_none_has_no_percentiles() {
        let one = Latencies::of(vec![Duration::from_millis(7)]).unwrap();
        assert_eq!(one.percentile(1), one.percentile(99));
        assert!(Latencies::of(Vec::new()).is_none());
    }
}
