//! RSA moduli that can be factored although they are long enough.

/// The smallest odd primes. In an Infineon key of any size, the fingerprint exists modulo each of them.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
    107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];
/// The factors of an Infineon key are powers of this number, modulo the product of the first primes.
const GENERATOR: u32 = 65537;

/// Whether a small prime divides the modulus. The factors of an RSA key are two large primes.
pub(crate) fn has_small_factor(modulus: &[u8]) -> bool {
    modulus.last().is_none_or(|last| last % 2 == 0)
        || PRIMES.iter().any(|prime| remainder(modulus, *prime) == 0)
}

/// Whether the modulus has the fingerprint of ROCA (CVE-2017-15361): keys from faulty Infineon chips, whose private half
/// can be computed. About one in 2^30 other numbers has it as well.
pub(crate) fn has_roca_shape(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| is_power_of_generator(remainder(modulus, *prime), *prime))
}

fn is_power_of_generator(number: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 1..prime {
        if power == number {
            return true;
        }
        power = power * (GENERATOR % prime) % prime;
    }
    false
}

fn remainder(number: &[u8], prime: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % prime)
}
