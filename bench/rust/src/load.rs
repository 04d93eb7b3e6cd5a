//! Load for any server with our frames: N requests in flight over three connections; replies that
//! are read together are followed by as many requests in one write.

use crate::{
    Result,
    connection::connect,
    lane::{Lane, Work},
    latency, usage,
};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// As many as a client of ours opens to one server.
const CONNECTIONS: usize = 3;
/// Longest wait for the last replies.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    port: u16,
    lanes: Vec<Lane>,
}

impl Client {
    pub fn new(port: u16) -> Self {
        Self { port, lanes: Vec::new() }
    }

    pub async fn run(&mut self, command: &Value) -> Result<Value> {
        let number = |name: &str| command[name].as_f64();
        let share = 1.0 / CONNECTIONS as f64;
        let at_once = number("count").or(number("inFlight")).unwrap_or_default() as usize;
        let time = Duration::from_secs_f64(number("seconds").unwrap_or_default());
        let payload = command["payload"].to_string();
        while self.lanes.len() < CONNECTIONS {
            self.lanes.push(Lane::new(connect(self.port).await?));
        }
        let (started, cpu) = (Instant::now(), usage::cpu());
        let running = self.lanes.iter_mut().enumerate().map(|(at, lane)| {
            lane.run(Work {
                payload: &payload,
                at_once: (at_once + CONNECTIONS - 1 - at) / CONNECTIONS,
                rate: number("rate").map(|rate| rate * share),
                time,
            })
        });
        timeout(time + PATIENCE, try_join_all(running)).await??;
        let seconds = started.elapsed().as_secs_f64();
        let cpu = usage::cpu() - cpu;

        let mut nanos = Vec::new();
        for lane in &mut self.lanes {
            nanos.append(&mut lane.nanos);
        }
        let total = nanos.len();
        let (p50, p99) = latency::p50_p99(&mut nanos);
        Ok(
            json!({ "total": total, "seconds": seconds, "cpu": cpu / total as f64, "p50": p50, "p99": p99 }),
        )
    }
}
