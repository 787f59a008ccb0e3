//! Passwords, as written or as a hash of Argon2.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use subtle::ConstantTimeEq;

use crate::settings::Password;

/// How a hash begins.
const HASH: &str = "$argon2";

/// A hash of a password, for a configuration.
///
/// # Errors
///
/// If the system has no random numbers.
pub fn hash_password(password: &str) -> Result<String, String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether this is the password. Takes long for a hash.
pub(super) fn is_correct(known: &Password, given: &str) -> bool {
    let known = known.written();
    if !known.starts_with(HASH) {
        return known.as_bytes().ct_eq(given.as_bytes()).into();
    }
    let Ok(hash) = PasswordHash::new(known) else { return false };
    Argon2::default().verify_password(given.as_bytes(), &hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_itself_and_by_its_hash() {
        let hash = hash_password("top secret").expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$"), "{hash}");
        for written in ["top secret", &hash] {
            let known = Password::new(written);
            assert!(is_correct(&known, "top secret"));
            assert!(!is_correct(&known, "top secre") && !is_correct(&known, ""));
            assert_eq!(format!("{known:?}"), "Password(...)");
        }
        assert!(!is_correct(&Password::new(&*hash), &hash), "a hash is not a password");
        assert!(!is_correct(&Password::new("$argon2id$v=19$broken"), "$argon2id$v=19$broken"));
    }
}
