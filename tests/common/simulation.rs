//! A network of cores in one thread: simulated time, delays and losses, no sockets.

use grenache_nodejs_ws_native::grape::{Address, Command, Core, Event, Failure, Options, Outcome};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    ops::Range,
};

/// A scheduled event. The number keeps events of one time in order.
type Happening = (u64, u64, What);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Datagram { to: usize, from: Address, bytes: Vec<u8> },
    Stranger { to: Address, from: Address, bytes: Vec<u8> },
    Wake(usize),
}

/// A host that is not a core: the datagrams that it sends when one arrives at the first address
/// from the second, with source addresses of its own or of others, destinations, and bytes.
pub type Stranger = Box<dyn FnMut(Address, Address, &[u8]) -> Vec<(Address, Address, Vec<u8>)>>;

pub struct Network {
    pub now: u64,
    pub cores: Vec<Option<Core>>,
    /// Datagrams sent so far.
    pub datagrams: u64,
    /// Hosts outside of `10.0.0.0/16`.
    pub strangers: HashMap<[u8; 4], Stranger>,
    /// Datagrams to hosts there, and their bytes.
    pub outside: HashMap<[u8; 4], (usize, usize)>,
    /// Delay of a datagram, in ms.
    pub delay: Range<u64>,
    /// Additional delay of a host's datagrams.
    pub late: HashMap<[u8; 4], u64>,
    /// Whether all datagrams from one to the other are dropped.
    pub cut: fn(Address, Address) -> bool,
    loss: f64,
    rng: StdRng,
    queue: BinaryHeap<Reverse<Happening>>,
    happenings: u64,
    wakes: Vec<u64>,
    done: HashMap<u64, Result<Outcome, Failure>>,
    ops: u64,
}

impl Network {
    pub fn new(loss: f64, seed: u64) -> Self {
        Self {
            now: 1_000,
            cores: Vec::new(),
            datagrams: 0,
            strangers: HashMap::new(),
            outside: HashMap::new(),
            delay: 1..20,
            late: HashMap::new(),
            cut: |_, _| false,
            loss,
            rng: StdRng::seed_from_u64(seed),
            queue: BinaryHeap::new(),
            happenings: 0,
            wakes: Vec::new(),
            done: HashMap::new(),
            ops: 0,
        }
    }

    /// Every core has an address of its own.
    pub fn address(number: usize) -> Address {
        let [.., a, b] = (number as u32).to_be_bytes();
        Address { ip: [10, 0, a, b], port: 20_001 }
    }

    /// Adds a node that starts with these others; returns its number.
    pub fn add(&mut self, options: Options, bootstrap: &[usize]) -> usize {
        self.add_with(options, bootstrap, Vec::new())
    }

    /// The same, for a node that knew others before.
    pub fn add_with(
        &mut self,
        options: Options,
        bootstrap: &[usize],
        hints: Vec<Address>,
    ) -> usize {
        let number = self.cores.len();
        // All of them are on this one machine.
        let options = Options { is_own: |ip| ip[..2] == [10, 0], ..options };
        let mut core = Core::new(options, self.rng.random(), self.now);
        core.hint(hints);
        core.bootstrap(self.now, bootstrap.iter().map(|other| Self::address(*other)).collect());
        self.cores.push(Some(core));
        self.wakes.push(0);
        self.tick(number, None);
        number
    }

    /// Adds many, a few at a time as in reality.
    pub fn grow(&mut self, count: usize) {
        while self.cores.len() < count {
            let known = self.cores.len();
            let bootstrap: Vec<_> =
                (0..2.min(known)).map(|_| self.rng.random_range(0..known)).collect();
            self.add(Options::default(), &bootstrap);
            let pause = if self.cores.len().is_multiple_of(10) { 50 } else { 1 };
            self.run(pause);
        }
    }

    pub fn kill(&mut self, number: usize) {
        self.cores[number] = None;
    }

    pub fn core(&self, number: usize) -> &Core {
        self.cores[number].as_ref().unwrap()
    }

    /// Sends a datagram that no core created.
    pub fn inject(&mut self, from: Address, to: usize, bytes: &[u8]) {
        self.happens(self.now, What::Datagram { to, from, bytes: bytes.to_vec() });
    }

    /// Advances the time by `time` ms.
    pub fn run(&mut self, time: u64) {
        let end = self.now + time;
        while self.queue.peek().is_some_and(|Reverse((at, ..))| *at <= end) {
            self.step();
        }
        self.now = end;
    }

    pub fn start(&mut self, number: usize, command: Command) -> u64 {
        self.ops += 1;
        let op = self.ops;
        let now = self.now;
        self.cores[number].as_mut().unwrap().start(now, op, command);
        self.tick(number, None);
        op
    }

    /// Runs until `op` is done.
    pub fn wait(&mut self, op: u64) -> Result<Outcome, Failure> {
        loop {
            if let Some(result) = self.done.remove(&op) {
                return result;
            }
            assert!(self.step(), "nothing happens any more");
        }
    }

    pub fn call(&mut self, number: usize, command: Command) -> Result<Outcome, Failure> {
        let op = self.start(number, command);
        self.wait(op)
    }

    pub fn announce(&mut self, number: usize, key: &[u8], port: u16) -> Result<Outcome, Failure> {
        self.call(number, Command::Announce { key: key.to_vec(), port })
    }

    /// Sorted results of a lookup, as texts.
    pub fn lookup(&mut self, number: usize, key: &[u8]) -> Vec<String> {
        match self.call(number, Command::Lookup(key.to_vec())).unwrap() {
            Outcome::Peers(peers) => {
                let mut texts: Vec<_> =
                    peers.iter().map(|found| found.address.to_string()).collect();
                texts.sort();
                texts
            }
            other => panic!("{other:?}"),
        }
    }

    fn step(&mut self) -> bool {
        let Some(Reverse((at, _, what))) = self.queue.pop() else { return false };
        self.now = self.now.max(at);
        match what {
            What::Datagram { to, from, bytes } => self.tick(to, Some((from, bytes))),
            What::Stranger { to, from, bytes } => {
                let Some(stranger) = self.strangers.get_mut(&to.ip) else { return true };
                for (own, other, bytes) in stranger(to, from, &bytes) {
                    self.sends(own, other, bytes);
                }
            }
            What::Wake(number) => {
                if self.wakes[number] == at {
                    self.tick(number, None);
                }
            }
        }
        true
    }

    fn tick(&mut self, number: usize, datagram: Option<(Address, Vec<u8>)>) {
        let Some(core) = &mut self.cores[number] else { return };
        let input = datagram.as_ref().map(|(from, bytes)| (*from, &bytes[..]));
        let output = core.tick(self.now, input);
        let wake = core.wake_at();
        for event in output.events {
            if let Event::Done { op, result } = event {
                self.done.insert(op, result);
            }
        }
        for datagram in output.datagrams {
            self.datagrams += 1;
            self.sends(Self::address(number), datagram.to, datagram.bytes);
        }
        if self.wakes[number] != wake {
            self.wakes[number] = wake;
            self.happens(wake, What::Wake(number));
        }
    }

    /// Puts a datagram on its way.
    pub fn sends(&mut self, from: Address, to: Address, bytes: Vec<u8>) {
        let [a, b, c, d] = to.ip;
        let delay = self.rng.random_range(self.delay.clone())
            + self.late.get(&from.ip).copied().unwrap_or_default();
        if [a, b] != [10, 0] {
            let (count, sum) = self.outside.entry(to.ip).or_default();
            *count += 1;
            *sum += bytes.len();
            return self.happens(self.now + delay, What::Stranger { to, from, bytes });
        }
        let to = usize::from(u16::from_be_bytes([c, d]));
        if to < self.cores.len()
            && !self.rng.random_bool(self.loss)
            && !(self.cut)(from, Self::address(to))
        {
            self.happens(self.now + delay, What::Datagram { to, from, bytes });
        }
    }

    fn happens(&mut self, at: u64, what: What) {
        self.happenings += 1;
        self.queue.push(Reverse((at, self.happenings, what)));
    }
}
