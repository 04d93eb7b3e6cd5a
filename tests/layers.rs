//! The layering: Node-API in `src/node` only, no I/O in `src/ws`, `src/rpc`, `src/pubsub` and
//! `src/grape`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is a failed test")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All Rust files below `dir` of the package.
fn sources(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "{dir} has no sources");
    found
}

/// The names in Rust code, without those in comments. Names and not paths, since `use std::{io,
/// net::TcpStream}` means `std::net` as well.
fn names(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split(" // ").next())
        .flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'))
        .filter(|name| !name.is_empty())
}

/// Uses of the `forbidden` names, as `file: name`.
fn uses(files: &[PathBuf], forbidden: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let code = fs::read_to_string(file).unwrap();
        let named = names(&code).filter(|name| forbidden(name));
        found.extend(named.map(|name| format!("{}: {name}", file.display())));
    }
    found
}

fn is_node_api(name: &str) -> bool {
    name == "napi" || name.starts_with("napi_")
}

/// Names of sockets, threads, files and clocks that wait, and of the layers that have them.
fn does_io(name: &str) -> bool {
    const IO: [&str; 11] = [
        "net", "thread", "fs", "process", "tokio", "socket2", "hyper", "sleep", "uv", "link",
        "node",
    ];
    IO.contains(&name)
}

#[test]
fn names_are_found_however_they_are_written() {
    let code = "//! napi::Env\n    /// napi\nuse std::{io, net::TcpStream};\nlet a = tokio::x; // napi\n#[napi]";
    let found: Vec<_> = names(code).filter(|name| is_node_api(name) || does_io(name)).collect();
    assert_eq!(found, ["net", "tokio", "napi"]);
    assert_eq!(names("use tokio_tungstenite::a;").filter(|name| does_io(name)).count(), 0);
}

#[test]
fn only_node_knows_node_api() {
    let node = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/node");
    let (inside, outside): (Vec<_>, Vec<_>) =
        sources("src").into_iter().partition(|file| file.starts_with(&node));
    assert!(!uses(&inside, is_node_api).is_empty(), "the search finds nothing at all");
    assert_eq!(uses(&outside, is_node_api), [""; 0]);
}

#[test]
fn the_machines_do_no_io() {
    assert!(!uses(&sources("src/net"), does_io).is_empty(), "the search finds nothing at all");
    for layer in ["src/ws", "src/rpc", "src/pubsub"] {
        assert_eq!(uses(&sources(layer), does_io), [""; 0]);
    }
    // There a node is one of the network, and a page has links.
    let does_io = |name: &str| does_io(name) && !matches!(name, "node" | "link");
    assert_eq!(uses(&sources("src/grape"), does_io), [""; 0]);
}
