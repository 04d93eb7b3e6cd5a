//! Tokens prove that a storing node received them at the address it stores from.

use super::Address;
use crate::config::grape as config;
use rand::Rng;
use sha1::{Digest, Sha1};

type Secret = [u8; 20];

/// Creates and verifies tokens.
#[derive(Debug)]
pub struct Tokens {
    secret: Secret,
    /// Its tokens are still valid.
    previous: Secret,
    rotate_at: u64,
}

/// A token.
pub type Token = [u8; 8];

impl Tokens {
    /// Tokens with secrets of their own.
    pub fn new(rng: &mut impl Rng, now: u64) -> Self {
        Self { secret: secret(rng), previous: secret(rng), rotate_at: now + config::ROTATE_MS }
    }

    /// Changes the secret, if it is time.
    pub fn rotate(&mut self, rng: &mut impl Rng, now: u64) {
        if now >= self.rotate_at {
            self.previous = self.secret;
            self.secret = secret(rng);
            self.rotate_at = now + config::ROTATE_MS;
        }
    }

    /// The token for a node that queries from `peer`.
    pub fn make(&self, peer: Address) -> Token {
        token(&self.secret, peer)
    }

    /// Whether `token` was made for `peer`, and is not too old.
    pub fn is_good(&self, peer: Address, token: &[u8]) -> bool {
        [&self.secret, &self.previous].into_iter().any(|secret| token == self::token(secret, peer))
    }
}

/// The port is left out: a node may query and store from different ones.
fn token(secret: &Secret, peer: Address) -> Token {
    let hash = Sha1::new().chain_update(peer.ip).chain_update(secret).finalize();
    let mut token = Token::default();
    token.copy_from_slice(&hash[..size_of::<Token>()]);
    token
}

fn secret(rng: &mut impl Rng) -> Secret {
    let mut secret = Secret::default();
    rng.fill_bytes(&mut secret);
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn a_token_is_good_for_its_address_and_two_secrets() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut tokens = Tokens::new(&mut rng, 0);
        let (one, other) =
            (Address { ip: [1, 2, 3, 4], port: 5 }, Address { ip: [1, 2, 3, 5], port: 5 });
        let token = tokens.make(one);
        assert!(tokens.is_good(one, &token));
        assert!(tokens.is_good(Address { port: 6, ..one }, &token));
        assert!(!tokens.is_good(other, &token));
        for bad in [&[][..], &token[..7], &[0; 8], &[0; 20]] {
            assert!(!tokens.is_good(one, bad));
        }

        tokens.rotate(&mut rng, config::ROTATE_MS - 1);
        assert_eq!(tokens.make(one), token);
        tokens.rotate(&mut rng, config::ROTATE_MS);
        assert_ne!(tokens.make(one), token);
        assert!(tokens.is_good(one, &token));
        tokens.rotate(&mut rng, 2 * config::ROTATE_MS);
        assert!(!tokens.is_good(one, &token));
    }
}
