use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts by one label whose values are known beforehand. All are there from the start, at 0: of a counter that comes into
/// being with its first event, Prometheus does not see that event.
#[derive(Clone, Debug)]
pub struct LabelledCounter {
    label: &'static str,
    counts: Family<[(&'static str, &'static str); 1], Counter>,
}

impl LabelledCounter {
    /// With these values of the label.
    #[must_use]
    pub fn new(label: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        let counts = Family::default();
        for value in values {
            drop(counts.get_or_create(&[(label, value)]));
        }
        Self { label, counts }
    }

    /// One more of it.
    pub fn count(&self, value: &'static str) {
        self.add(value, 1);
    }

    /// So many more of it.
    pub fn add(&self, value: &'static str, more: u64) {
        let labels = [(self.label, value)];
        debug_assert!(
            self.counts.get(&labels).is_some(),
            "{value} is not among the values of {}",
            self.label
        );
        self.counts.get_or_create(&labels).inc_by(more);
    }

    /// Has the registry show it. `_total` is added to the name.
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.counts.clone());
    }
}
