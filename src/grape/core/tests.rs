use super::*;

const THERE: Address = Address { ip: [10, 0, 0, 5], port: 1337 };
const THERE_CLIENT: Source = Source::Client([0, 0, 0, 0, 10, 0, 0, 5]);

fn core() -> Core {
    Core::new(Options::default(), [1; 32], 0)
}

/// The result of a command that ends at once.
fn outcome(core: &mut Core, who: Source, command: Command) -> Result<Outcome, Failure> {
    core.start_for(0, 1, who, command);
    let events = core.tick(0, []).events;
    let done = events.into_iter().find_map(|event| match event {
        Event::Done { result, .. } => Some(result),
        _ => None,
    });
    done.unwrap_or(Err(Failure::Stopped))
}

fn announce(address: Address) -> Command {
    Command::AnnounceAt { key: b"a".to_vec(), address }
}

fn found(core: &mut Core) -> Vec<Address> {
    match outcome(core, Source::Local, Command::Lookup(b"a".to_vec())) {
        Ok(Outcome::Peers(peers)) => peers.iter().map(|found| found.address).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_of_this_machine_announces_any_address_and_others_their_own() {
    for who in [Source::Own, Source::Local, THERE_CLIENT] {
        let mut core = core();
        assert_eq!(outcome(&mut core, who, announce(THERE)), Ok(Outcome::Stored(1)));
        assert_eq!(found(&mut core), [THERE]);
        let unannounce = Command::UnannounceAt { key: b"a".to_vec(), address: THERE };
        assert_eq!(outcome(&mut core, who, unannounce), Ok(Outcome::Stored(1)));
        assert_eq!(found(&mut core), []);
    }
}

#[test]
fn nobody_announces_a_third_host_from_another_machine() {
    let mut core = core();
    outcome(&mut core, Source::Local, announce(THERE)).ok();
    for who in [
        Source::Client([0, 0, 0, 0, 10, 0, 0, 6]),
        Source::Client([0x20, 1, 0xd, 0xb8, 10, 0, 0, 5]),
        Source::Host(THERE),
    ] {
        let other = Address { port: 1, ..THERE };
        assert_eq!(outcome(&mut core, who, announce(other)), Err(Failure::ForeignService));
        let unannounce = Command::UnannounceAt { key: b"a".to_vec(), address: THERE };
        assert_eq!(outcome(&mut core, who, unannounce), Err(Failure::ForeignService));
    }
    assert_eq!(
        outcome(&mut core, THERE_CLIENT, announce(Address { ip: [127, 0, 0, 1], port: 1 })),
        Err(Failure::ForeignService)
    );
    assert_eq!(found(&mut core), [THERE]);
}
