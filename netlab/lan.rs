//! The switch itself: its ports, and the frames in flight.

use crate::{
    link::{Link, Quality},
    tap,
};
use rand::{SeedableRng, rngs::SmallRng};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    error::Error,
    fs::File,
    io::{BufRead, Read, Write, stdin},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    select,
    sync::mpsc::{Receiver, Sender, channel},
    time::sleep_until,
};

/// Frames that are read and not yet handled; further ones wait in their devices.
const UNSEEN: usize = 256;

/// The longest frame, with room to spare.
const FRAME_BYTES: usize = 9_216;

/// How often a device that is down is checked.
const DOWN: Duration = Duration::from_millis(10);

type Mac = [u8; 6];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Command {
    /// Sets the quality of a port's cable, for frames that its host sends (`up`) and receives
    /// (`down`).
    Cable { port: usize, up: Quality, down: Quality },
    /// Whether frames from one port to another are dropped.
    Cut { from: usize, to: usize, on: bool },
    /// Whether a host is powered on.
    Power { port: usize, on: bool },
}

struct Port {
    tap: Arc<File>,
    up: Link,
    down: Link,
    is_on: bool,
}

struct Switch {
    ports: Vec<Port>,
    /// The port at which each host was seen.
    places: HashMap<Mac, usize>,
    cuts: Vec<Vec<bool>>,
    /// Frames in flight, by arrival time; the number keeps those of one time in order.
    on_way: BTreeMap<(Instant, u64), (usize, usize, Vec<u8>)>,
    sent: u64,
    rng: SmallRng,
}

impl Switch {
    fn new(taps: &[Arc<File>]) -> Self {
        let now = Instant::now();
        let good = || Link::new(Quality::default(), now);
        let port =
            |tap: &Arc<File>| Port { tap: tap.clone(), up: good(), down: good(), is_on: true };
        Self {
            ports: taps.iter().map(port).collect(),
            places: HashMap::new(),
            cuts: vec![vec![false; taps.len()]; taps.len()],
            on_way: BTreeMap::new(),
            sent: 0,
            rng: SmallRng::from_rng(&mut rand::rng()),
        }
    }

    fn obey(&mut self, command: Command) -> Option<()> {
        match command {
            Command::Cable { port, up, down } => {
                let now = Instant::now();
                let port = self.ports.get_mut(port)?;
                (port.up, port.down) = (Link::new(up, now), Link::new(down, now));
            }
            Command::Cut { from, to, on } => *self.cuts.get_mut(from)?.get_mut(to)? = on,
            Command::Power { port, on } => self.ports.get_mut(port)?.is_on = on,
        }
        Some(())
    }

    /// A host sent a frame.
    fn take(&mut self, from: usize, frame: Vec<u8>) {
        let Some((to, rest)) = frame.split_first_chunk::<6>() else { return };
        let Some((source, _)) = rest.split_first_chunk::<6>() else { return };
        if !self.ports[from].is_on {
            return;
        }
        self.places.insert(*source, from);
        let Some(at) = self.ports[from].up.arrival(frame.len(), Instant::now(), &mut self.rng)
        else {
            return;
        };
        match self.places.get(to) {
            Some(place) => self.carry(from, *place, at, frame),
            // To all ports: a multicast frame, or a host not seen yet.
            None => (0..self.ports.len()).for_each(|to| self.carry(from, to, at, frame.clone())),
        }
    }

    fn carry(&mut self, from: usize, to: usize, at: Instant, frame: Vec<u8>) {
        if from != to
            && let Some(at) = self.ports[to].down.arrival(frame.len(), at, &mut self.rng)
        {
            self.sent += 1;
            self.on_way.insert((at, self.sent), (from, to, frame));
        }
    }

    /// Delivers frames that have arrived; returns when the next one will.
    fn deliver(&mut self) -> Option<Instant> {
        loop {
            let next = self.on_way.first_entry()?;
            if next.key().0 > Instant::now() {
                return Some(next.key().0);
            }
            let (from, to, frame) = next.remove();
            let port = &self.ports[to];
            if port.is_on && self.ports[from].is_on && !self.cuts[from][to] {
                // A host that is too slow loses frames, as on a real network.
                let _ = (&*port.tap).write(&frame);
            }
        }
    }
}

/// Reads the frames of one port.
fn listen(port: usize, tap: &File, frames: &Sender<(usize, Vec<u8>)>) {
    let mut buffer = vec![0; FRAME_BYTES];
    let mut tap = tap;
    loop {
        match tap.read(&mut buffer) {
            Ok(length) if frames.blocking_send((port, buffer[..length].to_vec())).is_err() => {
                return;
            }
            Ok(_) => {}
            // A device that is not up yet.
            Err(_) => std::thread::sleep(DOWN),
        }
    }
}

/// Reads commands, until there are no more.
fn read_commands(commands: &Sender<Command>) -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        commands.blocking_send(serde_json::from_str(&line?)?)?;
    }
    Ok(())
}

async fn run(taps: &[Arc<File>], mut commands: Receiver<Command>) {
    let mut switch = Switch::new(taps);
    let (frames, mut heard) = channel(UNSEEN);
    for (port, tap) in taps.iter().enumerate() {
        let (tap, frames) = (tap.clone(), frames.clone());
        std::thread::spawn(move || listen(port, &tap, &frames));
    }
    loop {
        let next = switch.deliver();
        let due = async {
            match next {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        select! {
            Some((from, frame)) = heard.recv() => switch.take(from, frame),
            command = commands.recv() => {
                let Some(command) = command else { return };
                println!("{}", if switch.obey(command).is_some() { "ok" } else { "no such port" });
            }
            () = due => {}
        }
    }
}

/// A switch of `count` ports, until standard input ends.
#[tokio::main(flavor = "current_thread")]
pub async fn serve(count: usize) -> Result<(), Box<dyn Error>> {
    let taps = (0..count)
        .map(|number| Ok(Arc::new(tap::create(&format!("lab{number}"))?)))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    println!("ready");
    let (commands, obeyed) = channel(1);
    std::thread::spawn(move || {
        if let Err(error) = read_commands(&commands) {
            eprintln!("netlab-switch: {error}");
        }
    });
    run(&taps, obeyed).await;
    Ok(())
}
