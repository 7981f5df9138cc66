//! Where a validator has its keys from.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::key_set::KeySet;
#[cfg(feature = "actix")]
use crate::remote_key_set::RemoteKeySet;

/// A source of keys: fixed, replaced by this program now and then, or fetched from an auth server.
#[derive(Clone, Debug)]
pub enum Keys {
    /// The same for good.
    Fixed(Arc<KeySet>),
    /// The program's own, replaced when they change.
    Shared(SharedKeys),
    /// Another server's, fetched over HTTP.
    #[cfg(feature = "actix")]
    Remote(RemoteKeySet),
}

impl Keys {
    /// The keys at hand; empty if there were never any.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        match self {
            Self::Fixed(keys) => Arc::clone(keys),
            Self::Shared(keys) => keys.current(),
            #[cfg(feature = "actix")]
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

#[cfg(feature = "actix")]
impl From<RemoteKeySet> for Keys {
    fn from(keys: RemoteKeySet) -> Self {
        Self::Remote(keys)
    }
}

/// A key set that its owner replaces while others validate with it. Clones see the same keys.
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

    /// Puts `keys` in the place of the present ones; validations under way go on with what they had.
    pub fn replace(&self, keys: KeySet) {
        self.keys.store(Arc::new(keys));
    }

    /// The present keys.
    #[must_use]
    pub fn current(&self) -> Arc<KeySet> {
        self.keys.load_full()
    }
}
