//! The sources from which a validator gets its keys.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::key_set::KeySet;
#[cfg(feature = "http")]
use crate::remote_key_set::RemoteKeySet;

/// Keys that are fixed, replaced by the program itself, or fetched from an auth server.
#[derive(Clone, Debug)]
pub enum Keys {
    /// Keys that never change.
    Fixed(Arc<KeySet>),
    /// Keys that the program replaces.
    Shared(SharedKeys),
    /// Keys of another server, fetched over HTTP.
    #[cfg(feature = "http")]
    Remote(RemoteKeySet),
}

impl Keys {
    /// The current keys. Empty before the first successful fetch.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        match self {
            Self::Fixed(keys) => Arc::clone(keys),
            Self::Shared(keys) => keys.current(),
            #[cfg(feature = "http")]
            Self::Remote(keys) => keys.current().unwrap_or_default(),
        }
    }
}

impl From<KeySet> for Keys {
    fn from(keys: KeySet) -> Self {
        Self::Fixed(Arc::new(keys))
    }
}

impl From<SharedKeys> for Keys {
    fn from(keys: SharedKeys) -> Self {
        Self::Shared(keys)
    }
}

#[cfg(feature = "http")]
impl From<RemoteKeySet> for Keys {
    fn from(keys: RemoteKeySet) -> Self {
        Self::Remote(keys)
    }
}

/// A key set that can be replaced while validators use it. Clones share the keys.
#[derive(Clone, Debug, Default)]
pub struct SharedKeys {
    keys: Arc<ArcSwap<KeySet>>,
}

impl SharedKeys {
    /// Starts with `keys`.
    #[must_use]
    pub fn new(keys: KeySet) -> Self {
        Self { keys: Arc::new(ArcSwap::from_pointee(keys)) }
    }

    /// Replaces the keys. Validations in progress finish with the previous ones.
    pub fn replace(&self, keys: KeySet) {
        self.keys.store(Arc::new(keys));
    }

    /// The current keys.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }
}
