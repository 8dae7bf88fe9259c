use std::{fmt, sync::Arc};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Generate as _, Payload},
};
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::{Digest as _, Sha256};

use crate::{DatabaseUrl, TenantError, TenantId};

/// The keys that the URLs in a [`DatabaseStore`](crate::DatabaseStore) are sealed with: the first
/// seals, all of them open.
///
/// To change keys, put a new one in front, call
/// [`reseal`](crate::DatabaseStore::reseal), and then take the old one away.
#[derive(Clone)]
pub struct UrlKeys {
    first: Arc<Key>,
    others: Arc<[Key]>,
}

struct Key {
    id: String,
    bytes: SecretBox<[u8; KEY_LEN]>,
}

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 24;
const VERSION: &str = "v1";

impl UrlKeys {
    /// Reads keys of 32 bytes, each in Base64, with commas in between.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`], without the keys, when there is none, when one is no Base64
    /// or not of 32 bytes, or when one is there twice.
    pub fn parse(keys: &str) -> Result<Self, TenantError> {
        let none = || TenantError::Configuration("there is no URL key".to_owned());
        // A variable that is set to nothing has no first key that could be wrong.
        if keys.trim().is_empty() {
            return Err(none());
        }
        let mut read: Vec<Key> = Vec::new();
        for (at, text) in (1..).zip(keys.split(',')) {
            let refused = |why: &str| TenantError::Configuration(format!("URL key {at} {why}"));
            // The buffer is made of a length's zeroes first, so that no copy is left behind.
            let mut bytes = SecretBox::<[u8; KEY_LEN + 3]>::new(Box::new([0; KEY_LEN + 3]));
            let len = STANDARD
                .decode_slice(
                    text.trim(),
                    secrecy::ExposeSecretMut::expose_secret_mut(&mut bytes),
                )
                .map_err(|_| refused("is not 32 bytes in Base64"))?;
            if len != KEY_LEN {
                return Err(refused("is not 32 bytes in Base64"));
            }
            let key = Key::new(SecretBox::init_with_mut(|key: &mut [u8; KEY_LEN]| {
                key.copy_from_slice(&bytes.expose_secret()[..KEY_LEN]);
            }));
            if read.iter().any(|other| other.id == key.id) {
                return Err(refused("is there twice"));
            }
            read.push(key);
        }
        let mut read = read.into_iter();
        let first = read.next().ok_or_else(none)?;
        Ok(Self {
            first: Arc::new(first),
            others: read.collect(),
        })
    }

    /// One new random key.
    ///
    /// # Errors
    ///
    /// [`TenantError::Configuration`] when the operating system gives no random numbers.
    pub fn generate() -> Result<Self, TenantError> {
        let key = chacha20poly1305::Key::try_generate().map_err(|_| no_random())?;
        Ok(Self {
            first: Arc::new(Key::new(SecretBox::init_with_mut(
                |bytes: &mut [u8; KEY_LEN]| bytes.copy_from_slice(&key),
            ))),
            others: Arc::new([]),
        })
    }

    /// The first key in Base64, as [`parse`](Self::parse) reads it.
    #[must_use]
    pub fn expose_first_as_base64(&self) -> SecretString {
        STANDARD.encode(self.first.bytes.expose_secret()).into()
    }

    /// The URL, sealed with the first key, for one tenant.
    pub(super) fn seal(&self, tenant: &TenantId, url: &DatabaseUrl) -> Result<String, TenantError> {
        let nonce = XNonce::try_generate().map_err(|_| no_random())?;
        let payload = Payload {
            msg: url.expose().as_bytes(),
            // A sealed URL in another tenant's row does not open.
            aad: tenant.as_str().as_bytes(),
        };
        let sealed = self
            .first
            .cipher()
            .encrypt(&nonce, payload)
            .map_err(|_| TenantError::Configuration("a URL cannot be sealed".to_owned()))?;
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        Ok(format!(
            "{VERSION}.{}.{}",
            self.first.id,
            URL_SAFE_NO_PAD.encode(bytes)
        ))
    }

    /// The URL that was sealed for this tenant.
    pub(super) fn open(&self, tenant: &TenantId, sealed: &str) -> Result<DatabaseUrl, TenantError> {
        let invalid = |reason: &str| TenantError::invalid_entry(tenant, reason);
        let damaged = || invalid("its sealed URL is damaged, or was sealed for another tenant");
        let mut parts = sealed.split('.');
        let (Some(VERSION), Some(id), Some(text), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        let key = std::iter::once(&*self.first)
            .chain(self.others.iter())
            .find(|key| key.id == id)
            .ok_or_else(|| {
                invalid("its URL is sealed with a key that is not among the URL keys")
            })?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN).ok_or_else(damaged)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| damaged())?;
        let payload = Payload {
            msg: sealed,
            aad: tenant.as_str().as_bytes(),
        };
        let url = key
            .cipher()
            .decrypt(&nonce, payload)
            .map_err(|_| damaged())?;
        let url = String::from_utf8(url).map_err(|_| damaged())?;
        DatabaseUrl::new(url).map_err(|error| invalid(&error.to_string()))
    }

    /// Whether the first key sealed it.
    pub(super) fn is_of_first(&self, sealed: &str) -> bool {
        sealed.starts_with(&format!("{VERSION}.{}.", self.first.id))
    }
}

impl fmt::Debug for UrlKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlKeys([REDACTED])")
    }
}

impl Key {
    fn new(bytes: SecretBox<[u8; KEY_LEN]>) -> Self {
        let digest = Sha256::digest(bytes.expose_secret());
        let id = hexadecimal(&digest[..4]);
        Self { id, bytes }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.bytes.expose_secret().into())
    }
}

fn no_random() -> TenantError {
    TenantError::Configuration("the operating system gives no random numbers".to_owned())
}

/// Bytes in lowercase hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
