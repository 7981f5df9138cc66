use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// A counter with one label whose values are known in advance. All values start at 0, because Prometheus does not see
/// the first event of a counter that appears with it.
#[derive(Clone, Debug)]
pub struct LabelledCounter {
    label: &'static str,
    counts: Family<[(&'static str, &'static str); 1], Counter>,
}

impl LabelledCounter {
    /// A counter with these values of the label.
    #[must_use]
    pub fn new(label: &'static str, values: impl IntoIterator<Item = &'static str>) -> Self {
        let counts = Family::default();
        for value in values {
            drop(counts.get_or_create(&[(label, value)]));
        }
        Self { label, counts }
    }

    /// Adds 1.
    pub fn count(&self, value: &'static str) {
        self.add(value, 1);
    }

    /// Adds a number.
    pub fn add(&self, value: &'static str, number: u64) {
        let labels = [(self.label, value)];
        debug_assert!(
            self.counts.get(&labels).is_some(),
            "{value} is not among the values of {}",
            self.label
        );
        self.counts.get_or_create(&labels).inc_by(number);
    }

    /// Adds the counter to a registry, which appends `_total` to the name.
    pub fn register(&self, registry: &mut Registry, name: &str, help: &str) {
        registry.register(name, help, self.counts.clone());
    }
}
