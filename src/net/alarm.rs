//! A timer of a task, on the clock of a hub.

use super::hub::Hub;
use crate::rpc::Weigh;
use std::{future::pending, pin::Pin, time::Instant};
use tokio::time::{Sleep, sleep_until};

/// A sleep that is only reset when its time changes.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    time: u64,
}

impl Alarm {
    pub fn new() -> Self {
        Self { sleep: Box::pin(sleep_until(Instant::now().into())), time: 0 }
    }

    /// Waits until `time` on the clock of `hub`; forever if it is `u64::MAX`.
    pub async fn at<C: Weigh>(&mut self, hub: &Hub<C>, time: u64) {
        if time == u64::MAX {
            return pending().await;
        }
        if time != self.time {
            self.sleep.as_mut().reset(hub.instant(time).into());
            self.time = time;
        }
        self.sleep.as_mut().await;
        self.time = 0;
    }
}
