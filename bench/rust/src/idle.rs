//! Many idle connections, to measure what each costs the server.

use crate::{
    Result,
    connection::{Socket, connect},
    frame,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

pub struct Idle {
    port: u16,
    sockets: Vec<Socket>,
}

impl Idle {
    pub fn new(port: u16) -> Self {
        Self { port, sockets: Vec::new() }
    }

    /// Opens `count` connections.
    pub async fn open(&mut self, command: &Value) -> Result<Value> {
        for _ in 0..command["count"].as_u64().ok_or("no count")? {
            self.sockets.push(connect(self.port).await?);
        }
        Ok(json!({ "open": self.sockets.len() }))
    }

    /// One request over each of them.
    pub async fn speak(&mut self) -> Result<Value> {
        for (slot, socket) in self.sockets.iter_mut().enumerate() {
            socket.send(Message::text(frame::request(slot, "\"hello\""))).await?;
            let reply = socket.next().await.ok_or("closed")??;
            if frame::read_reply(reply.to_text()?)?.0 != slot {
                return Err("the reply of another".into());
            }
        }
        Ok(json!({ "open": self.sockets.len() }))
    }
}
