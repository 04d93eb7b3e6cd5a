//! Counters of transports and peers, as JavaScript objects.

use crate::stats::Totals;
use napi_derive::napi;
use std::{cell::RefCell, rc::Rc};

/// Totals of a transport's closed connections, and counters that are updated as things happen. A
/// peer's include all of its transports.
#[derive(Default)]
pub(super) struct Counted {
    totals: RefCell<Totals>,
    parent: Option<Rc<Counted>>,
}

impl Counted {
    pub fn totals(&self) -> Totals {
        self.totals.borrow().clone()
    }

    /// Whether everything that this one counts is in `other` too.
    pub fn is_part_of(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        Rc::ptr_eq(self, other) || self.parent.as_ref().is_some_and(|own| own.is_part_of(other))
    }

    /// Adds the totals of a connection.
    pub fn add(&self, totals: &Totals) {
        self.each(&|own| own.add(totals));
    }

    /// Counts a reply and its latency.
    pub fn took(&self, micros: u64) {
        self.each(&|own| own.latency.record(micros));
    }

    /// Counts delivered and dropped copies of a message.
    pub fn published(&self, delivered: u64, lost: u64) {
        self.each(&|own| {
            own.delivered += delivered;
            own.lost += lost;
        });
    }

    fn each(&self, act: &impl Fn(&mut Totals)) {
        act(&mut self.totals.borrow_mut());
        if let Some(parent) = &self.parent {
            parent.each(act);
        }
    }
}

/// Counters of one transport or peer.
#[napi]
pub struct Meter {
    counted: Rc<Counted>,
}

#[napi]
impl Meter {
    /// With a `parent`, which includes all of it.
    #[napi(constructor, catch_unwind)]
    pub fn new(parent: Option<&Meter>) -> Self {
        let parent = parent.map(Self::counted);
        Self { counted: Rc::new(Counted { parent, ..Counted::default() }) }
    }

    /// Adds a latency that JavaScript has measured, in milliseconds.
    #[napi(catch_unwind)]
    pub fn record(&self, ms: f64) {
        self.counted.took((ms * 1000.0) as u64); // Saturates, and turns NaN into 0.
    }

    pub(super) fn counted(&self) -> Rc<Counted> {
        self.counted.clone()
    }
}

/// See [`Totals`]; times in milliseconds.
#[napi(object)]
pub struct Stats {
    pub started: f64,
    pub failed: f64,
    pub timed_out: f64,
    pub broken: f64,
    pub aborted: f64,
    pub asking: f64,
    pub received: f64,
    pub replied: f64,
    pub serving: f64,
    pub abandoned: f64,
    pub messages: f64,
    pub delivered: f64,
    pub lost: f64,
    pub bytes_in: f64,
    pub bytes_out: f64,
    pub bytes_waiting: f64,
    pub latency: Latency,
}

/// See [`crate::stats::Histogram`]; times in milliseconds.
#[napi(object)]
pub struct Latency {
    pub count: f64,
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl From<Totals> for Stats {
    fn from(totals: Totals) -> Self {
        let Totals { asked, served, latency, .. } = totals;
        Self {
            started: asked.started as f64,
            failed: asked.failed as f64,
            timed_out: asked.timed_out as f64,
            broken: asked.broken as f64,
            aborted: asked.aborted as f64,
            asking: asked.pending as f64,
            received: served.received as f64,
            replied: served.replied as f64,
            serving: served.pending as f64,
            abandoned: served.abandoned as f64,
            messages: totals.messages as f64,
            delivered: totals.delivered as f64,
            lost: totals.lost as f64,
            bytes_in: totals.bytes_in as f64,
            bytes_out: totals.bytes_out as f64,
            bytes_waiting: totals.bytes_waiting as f64,
            latency: Latency {
                count: latency.count() as f64,
                mean: latency.mean() / 1000.0,
                p50: ms(latency.quantile(0.5)),
                p90: ms(latency.quantile(0.9)),
                p99: ms(latency.quantile(0.99)),
                p999: ms(latency.quantile(0.999)),
                max: ms(latency.max()),
            },
        }
    }
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
