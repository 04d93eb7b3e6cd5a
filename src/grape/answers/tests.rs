use super::*;
use rand::{SeedableRng, rngs::StdRng};

const KEY: &[u8] = b"key";

fn node(number: u8) -> (Id, Address) {
    (Id([number; 20]), Address { ip: [10, 0, 0, number], port: 1 })
}

fn found(host: u8, port: u16) -> Found {
    let address = Address { ip: [10, 1, 0, host], port };
    Found { address, announced: Some(1), witness: Witness::One }
}

fn answers() -> Answers {
    Answers::new(Id([0xff; 20]))
}

fn addresses(answers: &Answers) -> Vec<Found> {
    let all = answers.sample(config::TOLD, &mut StdRng::seed_from_u64(1));
    let one = |found| Found { witness: Witness::One, ..found };
    let mut all: Vec<_> = all.into_iter().map(one).collect();
    all.sort_by_key(|found| found.address);
    all
}

fn has(sample: &[Found], host: u8) -> bool {
    sample.iter().any(|told| told.address == found(host, host.into()).address)
}

#[test]
fn the_freshest_word_of_several_is_not_believed() {
    let mut answers = answers();
    let said = |announced| Found { announced: Some(announced), ..found(1, 1) };
    let age = |answers: &Answers| {
        let sample = answers.sample(1, &mut StdRng::seed_from_u64(1));
        (sample[0].witness, sample[0].announced)
    };
    answers.learn(KEY, node(1), &[said(10)], 90);
    answers.learn(KEY, (node(9).0, node(1).1), &[said(20)], 90);
    assert_eq!(age(&answers), (Witness::One, Some(20)), "one host");
    answers.learn(KEY, node(2), &[said(15)], 90);
    assert_eq!(age(&answers), (Witness::Several, Some(15)));
    answers.learn(KEY, node(3), &[said(90)], 90);
    assert_eq!(age(&answers), (Witness::Several, Some(20)));
    answers.learn(KEY, (Id([0xff; 20]), node(0).1), &[said(5)], 90);
    assert_eq!(age(&answers), (Witness::Own, Some(5)));
    answers.learn(KEY, (Id([0xff; 20]), node(0).1), &[], 90);
    assert_eq!(age(&answers).0, Witness::Several, "it knows no more of it");
}

#[test]
fn an_older_report_does_not_make_an_address_older() {
    let mut answers = answers();
    for announced in [Some(10), None, Some(5)] {
        answers.learn(KEY, node(1), &[Found { announced, ..found(1, 1) }], 10);
    }
    assert_eq!(addresses(&answers), [Found { announced: Some(10), ..found(1, 1) }]);
}

#[test]
fn an_address_is_gone_when_who_told_it_does_not_any_more() {
    let mut answers = answers();
    answers.learn(KEY, node(1), &[found(1, 1), found(2, 1)], 1);
    answers.learn(KEY, node(2), &[found(1, 1)], 1);
    answers.begin(None);
    answers.learn(KEY, node(3), &[], 2);
    answers.end();
    assert_eq!(addresses(&answers).len(), 2, "another node's word");
    answers.begin(None);
    answers.learn(KEY, node(1), &[found(2, 1)], 3);
    answers.learn(KEY, node(3), &[found(1, 1)], 3);
    answers.end();
    assert_eq!(addresses(&answers).len(), 2, "another node tells it now");
    answers.begin(None);
    answers.learn(KEY, node(3), &[], 4);
    answers.end();
    assert_eq!(addresses(&answers), [found(2, 1)], "though one is silent");
    answers.begin(Some(4));
    assert!(answers.is_empty(), "it is old");
}

#[test]
fn an_id_that_another_host_uses_takes_nothing_back() {
    let mut answers = answers();
    let ((honest, _), (_, elsewhere)) = (node(1), node(2));
    answers.learn(KEY, node(1), &[found(1, 1)], 1);
    answers.begin(None);
    answers.learn(KEY, (honest, elsewhere), &[found(66, 6)], 2);
    answers.end();
    assert_eq!(addresses(&answers), [found(1, 1), found(66, 6)]);
}

#[test]
fn a_liar_hides_nothing() {
    let mut rng = StdRng::seed_from_u64(1);
    for liars in [1, 5, 15] {
        let mut answers = answers();
        for round in 0..10_u16 {
            answers.begin(None);
            for liar in 0..liars {
                let lies: Vec<_> =
                    (0..100).map(|port| found(100 + liar, 1 + round * 100 + port)).collect();
                answers.learn(KEY, node(100 + liar), &lies, 1);
            }
            for honest in 1..=5 {
                answers.learn(KEY, node(honest), &[found(1, 1), found(2, 2)], 1);
            }
            answers.end();
            assert!(answers.told.len() <= config::TOLD);
            let sample = answers.sample(100, &mut rng);
            assert_eq!(sample.len(), 100);
            assert!(has(&sample, 1) && has(&sample, 2));
        }
    }
}

#[test]
fn lies_that_honest_nodes_took_hide_nothing() {
    let mut answers = answers();
    for node_number in 1..=20 {
        // In the order in which such a node chooses: one of each host first.
        let mut told: Vec<_> =
            (1..100).map(|port| found(200, u16::from(node_number) * 100 + port)).collect();
        told.push(found(1, 1));
        answers.learn(KEY, node(node_number), &told, 1);
    }
    for seed in 0..50 {
        let sample = answers.sample(100, &mut StdRng::seed_from_u64(seed));
        assert!(has(&sample, 1));
    }
}

#[test]
fn a_host_has_few_words() {
    let mut answers = answers();
    for number in 0..=255 {
        let (id, _) = node(number);
        let from = Address { ip: [10, 9, 9, 9], port: 1 + u16::from(number) };
        answers.learn(KEY, (id, from), &[found(number, 1)], 1);
    }
    assert_eq!(answers.told.len(), config::HOST_SHARE);
    assert_eq!(answers.words.iter().flatten().count(), config::HOST_SHARE);
}

#[test]
fn the_nearest_have_a_word() {
    let mut answers = Answers::new(Id([0x80; 20]));
    answers.learn(&[], (Id([0x80; 20]), node(0).1), &[found(0, 9)], 1);
    for number in (1..=100).rev() {
        answers.learn(&[], node(number), &[found(number, 1)], 1);
    }
    let words = answers.words.iter().flatten().map(|word| word.source.0[0]);
    let mut words: Vec<_> = words.collect();
    words.sort_unstable();
    let mut expected: Vec<_> = (1..40).collect();
    expected.push(0x80);
    assert_eq!(words, expected);
}

#[test]
fn nodes_of_a_few_hosts_leave_room_for_the_words_of_others() {
    let mut answers = answers();
    let near = |number: u8| {
        let mut id = Id([0; 20]);
        id.0[..KEY.len()].copy_from_slice(KEY);
        id.0[19] = number;
        id
    };
    for number in 0..10 * config::HOST_SHARE as u8 {
        let host = Address { ip: [66, 0, number / config::HOST_SHARE as u8, 1], port: 1 };
        answers.learn(KEY, (near(number), host), &[found(99, number.into())], 10);
    }
    assert_eq!(answers.words.iter().flatten().count(), config::WORDS, "all are taken");
    for number in 1..=20 {
        answers.learn(KEY, node(number), &[found(number, number.into())], 10);
    }
    let told = addresses(&answers);
    assert!((1..=20).all(|number| has(&told, number)), "{} of 20", told.len() - 20);
    // A farther node of the same host comes after those.
    answers.learn(KEY, (Id([0xee; 20]), node(20).1), &[found(200, 200)], 10);
    assert!(!has(&addresses(&answers), 200));
}
