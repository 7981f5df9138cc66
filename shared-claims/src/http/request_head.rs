//! The head of a request, as the rules see it on each framework.

/// What the rules read of a request, with any framework.
pub trait RequestHead {
    /// The method, in capitals.
    fn method_name(&self) -> &str;

    /// Every value of a header, in the order sent. The name is in lower case.
    fn header_values(&self, name: &'static str) -> impl Iterator<Item = &[u8]>;

    /// What the application provides to all requests: its validator, and the cookies that it accepts.
    fn provided<T: Send + Sync + 'static>(&self) -> Option<&T>;

    /// Reads what an extractor has kept for the others of this request.
    fn with_kept<T: Send + Sync + 'static, R>(&self, read: impl FnOnce(&T) -> R) -> Option<R>;

    /// Keeps a value for the other extractors of this request.
    fn keep<T: Clone + Send + Sync + 'static>(&self, value: T);
}
