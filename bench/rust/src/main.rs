//! One process of a measurement: `grenache-bench server PORT` or `grenache-bench client PORT`.
//!
//! It reads commands as lines of JSON on its standard input, replies to each with one on its
//! standard output, and ends when its input does.

mod connection;
mod frame;
mod idle;
mod lane;
mod latency;
mod load;
mod server;
mod usage;

use serde_json::{Value, json};
use std::error::Error;
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let role = args.next().unwrap_or_default();
    let port: u16 = args.next().ok_or("no port")?.parse()?;
    usage::raise_file_limit();
    // State of the process between two commands.
    let mut client = load::Client::new(port);
    let mut idle = idle::Idle::new(port);
    match role.as_str() {
        "server" => server::listen(port, true).await?,
        "silent" => server::listen(port, false).await?,
        "client" => {}
        _ => return Err("not a role".into()),
    }
    println!("{}", json!({ "ready": true }));

    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        let result = match command["do"].as_str().unwrap_or_default() {
            "usage" => Ok(usage::usage()),
            "loop" | "burst" | "paced" => client.run(&command).await,
            "open" => idle.open(&command).await,
            "speak" => idle.speak().await,
            _ => Err("not a command".into()),
        };
        println!(
            "{}",
            match result {
                Ok(result) => json!({ "result": result }),
                Err(err) => json!({ "error": err.to_string() }),
            }
        );
    }
    Ok(())
}
