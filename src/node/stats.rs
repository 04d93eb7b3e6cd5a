//! The counters of transports and peers, read by JavaScript.

use super::{
    core::Core,
    meter::{Meter, Stats},
};
use napi_derive::napi;

#[napi]
impl Core {
    /// The totals of a meter, including its open connections.
    #[napi(catch_unwind)]
    pub fn stats(&self, meter: &Meter) -> Stats {
        let counted = meter.counted();
        let mut totals = counted.totals();
        for entry in self.inner.conns.borrow().iter().flatten() {
            if entry.counted.as_ref().is_some_and(|own| own.is_part_of(&counted)) {
                totals.add(&entry.conn.totals());
            }
        }
        totals.into()
    }
}
