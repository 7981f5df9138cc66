use aws_lc_rs::digest::{SHA256, digest};

/// The sum of the SHA-256 values of a table's rows, modulo 2^256. The order of the rows does not matter, because PostgreSQL may
/// sort texts in another order than SQLite.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    pub rows: u64,
    /// Little-endian.
    sum: [u8; 32],
}

impl Checksum {
    /// `row`: its line in the file, without the end.
    pub fn add(&mut self, row: &[u8]) {
        self.rows += 1;
        let mut carry = 0;
        for (sum, byte) in self.sum.iter_mut().zip(digest(&SHA256, row).as_ref()) {
            let [low, high] = (u16::from(*sum) + u16::from(*byte) + carry).to_le_bytes();
            *sum = low;
            carry = u16::from(high);
        }
    }

    pub fn hex(&self) -> String {
        hex(&self.sum)
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use crate::store::transfer::checksum::Checksum;

    #[test]
    fn every_row_counts_and_their_order_does_not() {
        let sum = |rows: &[&str]| {
            let mut checksum = Checksum::default();
            for row in rows {
                checksum.add(row.as_bytes());
            }
            checksum
        };
        assert_eq!(sum(&["a", "b", "c"]), sum(&["c", "a", "b"]));
        assert_ne!(sum(&["a", "b", "c"]).sum, sum(&["a", "b"]).sum);
        assert_ne!(sum(&["a", "a"]).sum, sum(&["b", "b"]).sum);
        // 2^256 - 1 and 1 are 0: the carry passes through all bytes.
        let mut full = Checksum { rows: 0, sum: [0xff; 32] };
        let row = sum(&["a"]).sum;
        full.add(b"a");
        let mut less_one = row;
        less_one[0] -= 1;
        assert_eq!(full.sum, less_one);
    }
}
