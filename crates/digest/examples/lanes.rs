//! Prints how fast each way of hashing SHA-256 is on this machine, in MB/s of one core.

use lineaprint_digest::sha256::{Lanes, Sha256, force_lanes, hash_all, update_many};
use std::time::Instant;

fn main() {
    let bytes = vec![7_u8; 256 << 10];
    let rounds = 400;
    let report = |name: &str, per_round: usize, mut work: Box<dyn FnMut() + '_>| {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            for _ in 0..rounds {
                work();
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let megabytes = (per_round * rounds) as f64 / 1e6;
        println!("{name:>16}  {:.0} MB/s", megabytes / best);
    };
    report(
        "one stream",
        bytes.len(),
        Box::new(|| {
            std::hint::black_box(Sha256::digest(&bytes));
        }),
    );
    if force_lanes(Lanes::ShaExtensions) || force_lanes(Lanes::Armv8) {
        report(
            "two interleaved",
            bytes.len() * 2,
            Box::new(|| {
                let (mut a, mut b) = (Sha256::new(), Sha256::new());
                update_many(&mut [&mut a, &mut b], &[&bytes, &bytes]);
                std::hint::black_box((a.finish(), b.finish()));
            }),
        );
    }
    if force_lanes(Lanes::Avx512) {
        let inputs = [&bytes[..]; 16];
        report(
            "sixteen vectors",
            bytes.len() * 16,
            Box::new(|| {
                std::hint::black_box(hash_all(&inputs));
            }),
        );
    }
}
