/// The service that credentials belong to.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// The domain that credentials are bound to: the host of the pages, or a parent domain of it.
    pub id: String,
    /// The name that authenticators may show.
    pub name: String,
    /// The origins that may run a ceremony, compared byte for byte: `https://example.org`, `android:apk-key-hash:…`.
    pub origins: Vec<String>,
}
