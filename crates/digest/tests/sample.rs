//! Samples: the rules of `docs/format.md` against obvious loops.

mod support;

use lineaprint_digest::Algorithm;
use lineaprint_digest::sample::description::{self, Whole};
use lineaprint_digest::sample::{Amount, Plan, Selection, Strategy as How};
use proptest::prelude::*;
use support::read_sample;

fn indices(selection: &Selection) -> Vec<u64> {
    (0..selection.count()).map(|rank| selection.index(rank)).collect()
}

#[test]
fn amounts_are_normalised() {
    let share = |numerator, denominator| Amount::Share {
        numerator,
        denominator,
    };
    let plan = |amount| Plan::new(How::Strided, amount, 0);
    assert_eq!(plan(Amount::Count(1)), plan(Amount::Count(2)));
    assert_eq!(plan(share(2, 8)), plan(share(1, 4)));
    assert_ne!(plan(share(1, 4)), plan(Amount::Count(2)));
    for nothing in [Amount::Count(0), share(0, 1), share(2, 1), share(0, 0)] {
        assert_eq!(plan(nothing), None);
    }
}

fn any_strategy() -> impl Strategy<Value = How> {
    prop_oneof![
        Just(How::Strided),
        any::<u64>().prop_map(|seed| How::Random { seed }),
        Just(How::Blocks),
    ]
}

fn any_amount() -> impl Strategy<Value = Amount> {
    prop_oneof![
        (1_u64..2000).prop_map(Amount::Count),
        (1_u64..100, 1_u64..5000).prop_map(|(numerator, more)| Amount::Share {
            numerator,
            denominator: numerator + more,
        }),
    ]
}

/// Compute the units of a plan by the words of `docs/format.md`, in numbers that cannot overflow.
fn slowly(how: How, units: u64, wanted: u64) -> Vec<u64> {
    let (n, k) = (u128::from(units), u128::from(wanted));
    let chosen: Vec<u128> = match how {
        How::Strided => (0..k).map(|i| i * (n - 1) / (k - 1)).collect(),
        How::Random { seed } => {
            let inner = (0..wanted - 2).map(|j| {
                let start = |j: u64| 1 + u128::from(j) * (n - 2) / (k - 2);
                let hash = blake3::hash(&[seed.to_le_bytes(), j.to_le_bytes()].concat());
                let (first, _) = hash.as_bytes().split_first_chunk().expect("32 bytes");
                start(j) + u128::from(u64::from_le_bytes(*first)) % (start(j + 1) - start(j))
            });
            [vec![0], inner.collect(), vec![n - 1]].concat()
        }
        How::Blocks => {
            let r = (k / 2).min(64);
            let m = k / r;
            let runs = (0..m).map(|i| i * (n - r) / (m - 1));
            runs.flat_map(|start| start..start + r).collect()
        }
    };
    chosen
        .into_iter()
        .map(|unit| u64::try_from(unit).expect("below n"))
        .collect()
}

proptest! {
    #[test]
    fn chosen_units_are_sorted_and_distinct(
        how in any_strategy(),
        amount in any_amount(),
        units in prop_oneof![0_u64..3000, 0_u64..u64::MAX],
        above in prop_oneof![Just(0_u64), 0_u64..3000],
    ) {
        let plan = Plan::new(how, amount, above).expect("a plan");
        let wanted = match amount {
            Amount::Count(count) => u128::from(count),
            Amount::Share { numerator, denominator } =>
                (u128::from(units) * u128::from(numerator)).div_ceil(u128::from(denominator)),
        };
        let wanted = wanted.max(2).min(u128::from(units));
        let Some(selection) = plan.select(units) else {
            prop_assert!(units <= above || wanted == u128::from(units));
            return Ok(());
        };
        prop_assert!(units > above && wanted < u128::from(units));
        let wanted = u64::try_from(wanted).expect("at most units");
        let count = selection.count();
        if how == How::Blocks {
            let run = (wanted / 2).min(64);
            prop_assert_eq!(count, wanted / run * run);
            prop_assert!(wanted - count < run);
        } else {
            prop_assert_eq!(count, wanted);
        }
        prop_assert_eq!(selection.index(0), 0);
        prop_assert_eq!(selection.index(count - 1), units - 1);
        // A share of an enormous whole has too many units to check each.
        if count > 100_000 {
            return Ok(());
        }
        let chosen = indices(&selection);
        prop_assert!(chosen.is_sorted_by(|a, b| a < b));
        prop_assert_eq!(chosen, slowly(how, units, wanted));
    }

    #[test]
    fn stream_has_the_chosen_units_in_order(
        how in any_strategy(),
        amount in any_amount(),
        length in 0_usize..4000,
        width in 1_u64..40,
    ) {
        let bytes: Vec<u8> = (0..length).map(|at| u8::try_from(at % 251).expect("below 251")).collect();
        let plan = Plan::new(how, amount, 0).expect("a plan");
        let (stream, layout) = read_sample(&plan, &bytes, width);
        let units: Vec<&[u8]> = bytes.chunks(usize::try_from(width).expect("small")).collect();
        let expected = match plan.select(units.len() as u64) {
            None => bytes.clone(),
            Some(selection) => indices(&selection)
                .into_iter()
                .flat_map(|unit| units[usize::try_from(unit).expect("small")].to_vec())
                .collect(),
        };
        prop_assert_eq!(layout.bytes_read(), expected.len() as u64);
        prop_assert_eq!(layout.units(), units.len() as u64);
        prop_assert_eq!(stream, expected);
    }

    #[test]
    fn plans_have_different_digests(
        how in any_strategy(),
        amount in any_amount(),
        other_how in any_strategy(),
        other_amount in any_amount(),
    ) {
        let plan = Plan::new(how, amount, 0).expect("a plan");
        let other = Plan::new(other_how, other_amount, 0).expect("a plan");
        let whole = Whole { units: 9, bytes: 9 };
        let digest = |plan: &Plan| description::file(Algorithm::Blake3, plan, whole, &[0; 32]);
        prop_assert_eq!(plan == other, digest(&plan) == digest(&other));
    }
}
