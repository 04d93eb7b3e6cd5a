//! The API's pages about its node. Each page is made at most once per second, off the threads that
//! move bytes, and shared by all requests meanwhile; pages with a filter or number are made one at
//! a time, from a status that is taken once per second.

use super::client::Client;
use crate::{
    config::grape as config,
    grape::{Selection, Status, listing::list, page::View},
    process,
};
use bytes::Bytes;
use std::{net::SocketAddr, sync::Arc, time::Instant};
use tokio::{sync::Mutex, task::spawn_blocking};

/// A kind of page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Html,
    Status,
    Metrics,
}

/// The latest pages.
#[derive(Debug)]
pub(super) struct Pages {
    client: Client,
    dht_address: SocketAddr,
    api_address: SocketAddr,
    made: [Mutex<Option<(Instant, Bytes)>>; 3],
    /// The status that they are made from.
    seen: Mutex<Option<(Instant, Arc<Status>)>>,
    /// Held while a page with a filter or number is made: one at a time, however many are
    /// requested.
    choosing: Mutex<()>,
}

impl Pages {
    /// No pages so far, about the node of `client` at these addresses.
    pub fn new(client: Client, dht_address: SocketAddr, api_address: SocketAddr) -> Self {
        Self {
            client,
            dht_address,
            api_address,
            made: Default::default(),
            seen: Mutex::default(),
            choosing: Mutex::default(),
        }
    }

    /// The page; `None` when the node has stopped.
    pub async fn get(&self, page: Page, selection: Selection) -> Option<Bytes> {
        if page != Page::Metrics && selection != Selection::default() {
            let _turn = self.choosing.lock().await;
            let status = self.recent_status().await?;
            return self.make(page, selection, status).await;
        }
        let slot = match page {
            Page::Html => &self.made[0],
            Page::Status => &self.made[1],
            Page::Metrics => &self.made[2],
        };
        // Held meanwhile: other requests wait for this page instead of making their own.
        let mut made = slot.lock().await;
        if let Some((at, text)) = &*made
            && at.elapsed() < config::STATUS_AGE
        {
            return Some(text.clone());
        }
        let status = self.new_status().await?;
        let text = self.make(page, selection, status).await?;
        *made = Some((Instant::now(), text.clone()));
        Some(text)
    }

    /// The status, at most a second old.
    async fn recent_status(&self) -> Option<Arc<Status>> {
        if let Some((at, status)) = &*self.seen.lock().await
            && at.elapsed() < config::STATUS_AGE
        {
            return Some(status.clone());
        }
        self.new_status().await
    }

    async fn new_status(&self) -> Option<Arc<Status>> {
        let status = Arc::new(self.client.status().await?);
        *self.seen.lock().await = Some((Instant::now(), status.clone()));
        Some(status)
    }

    async fn make(&self, page: Page, selection: Selection, status: Arc<Status>) -> Option<Bytes> {
        let (dht, api) = (self.dht_address.to_string(), self.api_address.to_string());
        let text = spawn_blocking(move || {
            let view = View {
                version: env!("CARGO_PKG_VERSION"),
                memory: process::memory(),
                dht,
                api,
                listing: list(&status.rows, &selection),
                status: &status,
                selection: &selection,
            };
            match page {
                Page::Html => view.html(),
                Page::Status => serde_json::to_string(&view).unwrap_or_default(),
                Page::Metrics => view.metrics(),
            }
        });
        text.await.ok().map(Bytes::from)
    }
}
