//! Announces of an address that is not this machine's.
//!
//! Datagrams cannot say them: whoever announces in one has shown that it receives at its address, and no
//! other is believed. So this node keeps what its API is told, and tells it to who asks.

use super::{Address, Command, Core, Failure, Outcome, Source, load::Job};

impl Core {
    /// Keeps an address, or forgets it.
    pub(super) fn announce_elsewhere(&mut self, job: Job, is_announce: bool) {
        let Job { op, who, command } = job;
        let (Command::AnnounceAt { key, address } | Command::UnannounceAt { key, address }) =
            command
        else {
            return;
        };
        let is_here = self.options.host == Some(address.ip) || self.is_own(address.ip);
        if !is_here && !may_announce(who, address) {
            return self.done(op, Err(Failure::ForeignService));
        }
        // Of no use for other machines.
        let peers = if address.is_loopback() { &mut self.local } else { &mut self.peers };
        let known = if is_announce {
            peers.add(&key, address, who, self.now);
            self.tell_announce(&key);
            true
        } else {
            let known = peers.remove(&key, address);
            self.forget_found(&key, address);
            known
        };
        if !is_here {
            return self.done(op, Ok(Outcome::Stored(usize::from(known))));
        }
        // The others see it come from there.
        let port = address.port;
        let command = if is_announce {
            Command::Announce { key, port }
        } else {
            Command::Unannounce { key, port }
        };
        self.begin(Job { op, who, command });
    }
}

/// Whether a user of the API may announce an address. A program of this machine may name any. Another one
/// may name the address that it calls from, which its connection has shown to be its own: so nobody
/// sends the callers of a service to a third host.
fn may_announce(who: Source, address: Address) -> bool {
    match who {
        Source::Own | Source::Local => true,
        Source::Client([0, 0, 0, 0, ip @ ..]) => ip == address.ip,
        Source::Client(_) | Source::Host(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grape::{Event, Options};

    const THERE: Address = Address { ip: [10, 0, 0, 5], port: 1337 };
    const THERE_CLIENT: Source = Source::Client([0, 0, 0, 0, 10, 0, 0, 5]);

    fn core() -> Core {
        Core::new(Options::default(), [1; 32], 0)
    }

    /// What becomes of a command that is over at once.
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
}
