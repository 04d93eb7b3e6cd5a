//! The state file: keeps the node's id and the known nodes over a restart.

use super::client::Client;
use crate::{
    config::grape as config,
    grape::{Address, Id},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    net::SocketAddrV4,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{task::spawn_blocking, time::sleep};

/// Content of the state file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub id: Id,
    pub nodes: Vec<Address>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    id: String,
    nodes: Vec<String>,
}

/// Reads a state file; a missing one is fine.
///
/// # Errors
/// A text that says which file is damaged or cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<Kept>, String> {
    let damaged = |what: &dyn std::fmt::Display| {
        format!("the state file {} is ignored: {what}", path.display())
    };
    // Opening a pipe would block.
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(damaged(&"no file"));
    }
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(damaged(&error)),
    };
    let mut text = String::new();
    file.take(config::STATE_BYTES).read_to_string(&mut text).map_err(|error| damaged(&error))?;
    let Text { id, nodes } = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
    let id = Id::from_hex(&id).ok_or_else(|| damaged(&"no id"))?;
    let address = |text: &String| {
        let address: SocketAddrV4 = text.parse().ok()?;
        Some(Address { ip: address.ip().octets(), port: address.port() })
    };
    let nodes: Option<Vec<_>> = nodes.iter().map(address).collect();
    let mut nodes = nodes.ok_or_else(|| damaged(&"a node without an address"))?;
    nodes.retain(|address| address.is_one());
    Ok(Some(Kept { id, nodes }))
}

/// Writes the state file periodically.
pub(super) async fn keep_writing(path: PathBuf, client: Client) {
    loop {
        sleep(Duration::from_millis(config::STATE_EVERY_MS)).await;
        if let Some(known) = client.known().await {
            write(path.clone(), known).await;
        }
    }
}

/// Writes the state file. Nodes are only replaced by others: a node that was alone for its whole run
/// keeps those of the run before.
pub(super) async fn write(path: PathBuf, (id, nodes): (Id, Vec<Address>)) {
    // After a failure it is written the next time.
    let _ = spawn_blocking(move || {
        let nodes = match nodes.is_empty() {
            true => read(&path).ok().flatten().map(|kept| kept.nodes).unwrap_or_default(),
            false => nodes,
        };
        save(&path, &Kept { id, nodes })
    })
    .await;
}

/// Writes a temporary file and renames it, so that the file is always complete.
fn save(path: &Path, kept: &Kept) -> std::io::Result<()> {
    let nodes = kept.nodes.iter().map(ToString::to_string).collect();
    let text = serde_json::to_string(&Text { id: kept.id.to_string(), nodes })?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = Path::new(&name);
    // A leftover of another run, or a link placed there by others, is not written through.
    let _ = fs::remove_file(beside);
    let write = || {
        let mut file = File::options().write(true).create_new(true).open(beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(beside)))?;
    fs::rename(beside, path).inspect_err(|_| drop(fs::remove_file(beside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read() {
        let folder = std::env::temp_dir().join(format!("grape-state-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state");
        assert_eq!(read(&path), Ok(None));
        let kept = Kept { id: Id([7; 20]), nodes: vec![Address { ip: [10, 0, 0, 1], port: 5 }] };
        for _ in 0..2 {
            save(&path, &kept).unwrap();
            assert_eq!(read(&path).as_ref().map(Option::as_ref), Ok(Some(&kept)));
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        let large = " ".repeat(config::STATE_BYTES as usize) + &fs::read_to_string(&path).unwrap();
        for damage in ["", "{", "{\"id\":\"x\",\"nodes\":[]}", "[1]", &large] {
            fs::write(&path, damage).unwrap();
            let text = read(&path).unwrap_err();
            assert!(text.contains("is ignored") && text.contains("state"), "{text}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
