//! What the API shows of its node. Each page is made at most once a second, away from the threads
//! that move bytes, and shared by all who ask meanwhile.

use super::Shared;
use crate::{
    config::grape as config,
    grape::{Status, page::View},
    process,
};
use bytes::Bytes;
use std::time::Instant;
use tokio::{sync::Mutex, task::spawn_blocking};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Status,
    Metrics,
}

/// As they were made last.
#[derive(Debug, Default)]
pub(super) struct Pages([Mutex<Option<(Instant, Bytes)>>; 3]);

impl Pages {
    /// The page; `None` when the node has stopped.
    pub async fn get(&self, page: Page, shared: &Shared) -> Option<Bytes> {
        let slot = match page {
            Page::Html => &self.0[0],
            Page::Status => &self.0[1],
            Page::Metrics => &self.0[2],
        };
        // Held meanwhile: others wait for this one instead of making their own.
        let mut made = slot.lock().await;
        if let Some((at, text)) = &*made
            && at.elapsed() < config::STATUS_AGE
        {
            return Some(text.clone());
        }
        let status: Status = shared.status().await?;
        let (dht, api) = (shared.dht.to_string(), shared.api.to_string());
        let text = spawn_blocking(move || {
            let version = env!("CARGO_PKG_VERSION");
            let view = View { version, memory: process::memory(), dht, api, status };
            match page {
                Page::Html => view.html(),
                Page::Status => serde_json::to_string(&view).unwrap_or_default(),
                Page::Metrics => view.metrics(),
            }
        });
        let text = Bytes::from(text.await.ok()?);
        *made = Some((Instant::now(), text.clone()));
        Some(text)
    }
}
