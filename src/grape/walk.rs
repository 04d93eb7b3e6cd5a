//! A walk: querying nearer and nearer nodes until there are none nearer. A state machine whose steps
//! [`Operations`](super::operations::Operations) carries out.

use super::{
    Address, Command, Got, Holder, Id, Item, Source,
    candidates::Candidates,
    command::Job,
    krpc::{Query, Response},
};
use crate::config::grape as config;

/// Purpose of a walk.
#[derive(Clone, Debug)]
pub(super) enum Goal {
    /// To know more nodes.
    Join,
    /// A command.
    Command(Job),
}

/// A running walk.
#[derive(Debug)]
pub(super) struct Walk {
    query: Query,
    candidates: Candidates,
    goals: Vec<Goal>,
    /// The client that it is charged to.
    client: Source,
    /// The best value so far, of a walk for a value.
    best: Option<Got>,
    /// There is nothing better to find.
    is_over: bool,
    /// Bytes that it holds.
    cost: usize,
    /// When it ends with the results so far.
    until: u64,
    /// The time of its latest alarm.
    alarm_at: u64,
}

/// What a walk needs next.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Send its query there, where the node with this id may be.
    Ask(Address, Option<Id>),
    /// The node there has not answered for a while.
    Silent(Address),
    /// Wait for replies. At this time it is to be polled again; `None` if an earlier alarm does.
    Wait(Option<u64>),
    /// Nothing: it has ended.
    Done,
}

/// A walk that has ended.
#[derive(Debug)]
pub(super) struct Walked {
    pub query: Query,
    pub goals: Vec<Goal>,
    /// The nodes that it found; `None` if it was given up.
    pub holders: Option<Vec<Holder>>,
    /// The best value, of a walk for a value.
    pub best: Option<Got>,
    /// Number of queries that it sent.
    pub queries: usize,
}

impl Walk {
    /// A walk of the node `own` to the key of `query`, with at most `concurrency` queries in flight.
    /// `best` is the value that the node itself has.
    pub fn new(
        (own, concurrency): (Id, usize),
        query: Query,
        goal: Goal,
        best: Option<Got>,
        now: u64,
    ) -> Self {
        let limit = if matches!(goal, Goal::Join) { config::JOIN_MS } else { config::WALK_MS };
        Self {
            candidates: Candidates::new(own, query.key(), concurrency),
            query,
            client: goal.client(),
            best,
            is_over: false,
            cost: config::WALK_COST + goal.cost(),
            goals: vec![goal],
            until: now + limit,
            alarm_at: 0,
        }
    }

    /// Sets the nodes that it begins with: known ones, bootstrap nodes, and those of an earlier run.
    pub fn begin_with(
        &mut self,
        known: Vec<(Id, Address)>,
        bootstrap: &[Address],
        hints: &[Address],
        is_silent: impl Fn(Address) -> bool,
    ) {
        let candidates = &mut self.candidates;
        for address in known.iter().map(|(_, address)| address).chain(bootstrap) {
            if is_silent(*address) {
                candidates.doubt(*address);
            }
        }
        // All known nodes may be on one side of a partitioned network, or of one host.
        let is_join = self.goals.iter().any(|goal| matches!(goal, Goal::Join));
        if is_join || known.len() < bootstrap.len() || known.is_empty() {
            bootstrap.iter().for_each(|address| candidates.add_unknown(*address));
        }
        if known.is_empty() {
            hints.iter().for_each(|address| candidates.add_hint(*address));
        }
        for (id, address) in known {
            candidates.add(id, address, None);
        }
    }

    /// Its query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The client that it is charged to.
    pub fn client(&self) -> Source {
        self.client
    }

    /// Bytes that it holds.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// Adds a command with the same query.
    pub fn add(&mut self, goal: Goal) {
        self.cost += goal.cost();
        self.goals.push(goal);
    }

    /// Removes the command `op`; whether no goal is left.
    pub fn remove(&mut self, op: u64) -> bool {
        self.goals.retain(|goal| !matches!(goal, Goal::Command(job) if job.op == Some(op)));
        self.goals.is_empty()
    }

    /// Removes the commands of a client, and returns their numbers. The walk is charged to the
    /// client of a remaining goal.
    pub fn remove_client(&mut self, client: Source) -> Vec<Option<u64>> {
        let mut removed = Vec::new();
        self.goals.retain(|goal| match goal {
            Goal::Command(job) if job.client == client => {
                removed.push(job.op);
                false
            }
            _ => true,
        });
        if let Some(goal) = self.goals.first() {
            self.client = goal.client();
        }
        removed
    }

    /// A node answered its query.
    pub fn answered(
        &mut self,
        id: Id,
        from: Address,
        response: Response<'_>,
        is_silent: impl Fn(Address) -> bool,
    ) {
        if let Some(v) = response.v {
            let item = Item { v, signed: response.signed };
            self.consider(Got { id, item, token: response.token.clone() });
        }
        self.candidates.answered(id, from, response.token, response.ours);
        for (id, address) in response.nodes {
            if is_silent(address) {
                self.candidates.doubt(address);
            }
            self.candidates.add(id, address, Some(from));
        }
    }

    /// A node did not answer its query, or the query could not be sent.
    pub fn failed(&mut self, address: Address) {
        self.candidates.failed(address);
    }

    /// Keeps a value if it is the requested one, and better than the one before.
    fn consider(&mut self, mut got: Got) {
        let Some(Goal::Command(job)) = self.goals.first() else { return };
        let Command::Get { target, salt } = &job.command else { return };
        if let Some(signed) = &mut got.item.signed {
            signed.salt.clone_from(salt);
        }
        if got.item.target().0 != target[..] {
            return;
        }
        let seq = |got: &Got| got.item.signed.as_ref().map(|signed| signed.seq);
        // A signature is only checked if the value would be used.
        let is_better = self.best.as_ref().is_none_or(|best| seq(best) < seq(&got));
        if is_better && got.item.check().is_ok() {
            self.is_over = got.item.signed.is_none();
            self.best = Some(got);
        }
    }

    /// The next step.
    pub fn poll(&mut self, now: u64) -> Step {
        if let Some(address) = self.candidates.silent(now) {
            return Step::Silent(address);
        }
        // However many hosts take turns at being late.
        self.is_over |= now >= self.until;
        if self.is_over {
            return Step::Done;
        }
        if let Some((id, address)) = self.candidates.next(now) {
            return Step::Ask(address, id);
        }
        let Some(wake_at) = self.candidates.wake_at(now) else { return Step::Done };
        let wake_at = wake_at.min(self.until);
        // One alarm is enough, unless it is too late.
        if self.alarm_at > now && self.alarm_at <= wake_at {
            return Step::Wait(None);
        }
        self.alarm_at = wake_at;
        Step::Wait(Some(wake_at))
    }

    /// Ends it: with the nodes that it found, or given up.
    pub fn end(self, is_given_up: bool) -> Walked {
        let holders = (!is_given_up).then(|| self.candidates.holders());
        let queries = self.candidates.queries();
        Walked { query: self.query, goals: self.goals, holders, best: self.best, queries }
    }
}

impl Goal {
    fn cost(&self) -> usize {
        match self {
            Self::Join => config::COMMAND_COST,
            Self::Command(job) => job.command.cost(),
        }
    }

    fn client(&self) -> Source {
        match self {
            // Few, and without a caller.
            Self::Join => Source::Own,
            Self::Command(job) => job.client,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"rpc_test";
    const OWN: Id = Id([9; Id::BYTES]);

    fn at(port: u16) -> Address {
        Address { ip: [10, 0, port as u8, 1], port }
    }

    fn id(number: u8) -> Id {
        Id([number; Id::BYTES])
    }

    fn walk(known: &[u16]) -> Walk {
        let query = Query::GetPeers(KEY.to_vec());
        let command = Command::Lookup(KEY.to_vec());
        let goal = Goal::Command(Job { op: Some(1), client: Source::Local, command });
        let mut walk = Walk::new((OWN, 16), query, goal, None, 0);
        let known = known.iter().map(|port| (id(*port as u8), at(*port))).collect();
        walk.begin_with(known, &[], &[], |_| false);
        walk
    }

    /// The ports that it asks before another step, and that step.
    fn asked(walk: &mut Walk, now: u64) -> (Vec<u16>, Step) {
        let mut ports = Vec::new();
        loop {
            match walk.poll(now) {
                Step::Ask(address, _) => ports.push(address.port),
                step => return (ports, step),
            }
        }
    }

    fn answer(walk: &mut Walk, port: u16, nodes: Vec<(Id, Address)>) {
        let token = Some(b"token".to_vec());
        let response = Response { nodes, token, ..Response::default() };
        walk.answered(id(port as u8), at(port), response, |_| false);
    }

    #[test]
    fn it_asks_named_nodes_and_ends_when_all_have_answered() {
        let mut walk = walk(&[1]);
        let (ports, step) = asked(&mut walk, 0);
        assert_eq!(ports, [1]);
        assert!(matches!(step, Step::Wait(Some(at)) if at <= config::LATE_MS), "{step:?}");
        assert!(matches!(asked(&mut walk, 0), (ports, Step::Wait(None)) if ports.is_empty()));
        answer(&mut walk, 1, vec![(id(2), at(2)), (OWN, at(3))]);
        assert_eq!(asked(&mut walk, 1).0, [2]);
        answer(&mut walk, 2, Vec::new());
        assert!(matches!(walk.poll(2), Step::Done));
        let walked = walk.end(false);
        assert_eq!((walked.holders.map(|holders| holders.len()), walked.queries), (Some(2), 2));
    }

    #[test]
    fn a_late_node_is_reported_as_silent_once_and_the_time_is_limited() {
        let mut walk = walk(&[1]);
        asked(&mut walk, 0);
        assert!(matches!(walk.poll(config::LATE_MS), Step::Silent(address) if address == at(1)));
        assert!(matches!(walk.poll(config::LATE_MS), Step::Wait(_)));
        assert!(matches!(walk.poll(config::WALK_MS), Step::Done));
    }

    #[test]
    fn it_is_charged_to_a_client_of_a_remaining_command() {
        let mut walk = walk(&[1]);
        let command = Command::Lookup(KEY.to_vec());
        let cost = walk.cost();
        walk.add(Goal::Command(Job { op: Some(2), client: Source::Own, command }));
        assert!(walk.cost() > cost);
        assert_eq!(walk.remove_client(Source::Local), [Some(1)]);
        assert_eq!(walk.client(), Source::Own);
        assert!(walk.remove(2));
        assert!(walk.end(true).holders.is_none());
    }
}
