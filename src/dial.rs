//! TCP connections to hosts by name: Happy Eyeballs (RFC 8305), for peers and for links.

use crate::{
    config,
    error::Error,
    names::{self, Asker},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Connects to `host`. The lookup of its name, and each of its addresses, may take `time`.
///
/// # Errors
/// As [`names::addresses`], or the error of the last address that failed.
pub async fn dial(
    host: &str,
    port: u16,
    asker: Asker,
    time: Duration,
) -> Result<(TcpStream, SocketAddr), Error> {
    let found = names::addresses(host, asker, time).await?;
    let addresses: Vec<_> = found.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
    match addresses[..] {
        [] => Err(Error::UnknownHost(host.to_owned())),
        [address] => attempt(address, time).await,
        _ => race(addresses, time).await,
    }
}

async fn attempt(address: SocketAddr, time: Duration) -> Result<(TcpStream, SocketAddr), Error> {
    match timeout(time, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok((stream, address)),
        Ok(Err(error)) => Err(Error::system("connect", error, Some(address))),
        Err(_) => Err(Error::ConnectTimeout(address)),
    }
}

/// The first connection to one of several `addresses`. Each attempt begins when the previous one
/// has failed, or has taken [`config::NEXT_ADDRESS`]; the others are dropped.
async fn race(
    addresses: Vec<SocketAddr>,
    time: Duration,
) -> Result<(TcpStream, SocketAddr), Error> {
    let mut left = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last = Error::Panic;
    loop {
        if let Some(address) = left.next() {
            attempts.spawn(attempt(address, time));
        }
        let is_last = left.len() == 0;
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(connected))) => return Ok(connected),
                Some(Ok(Err(error))) => last = error,
                // It panicked: the result of the others counts.
                Some(Err(_)) => {}
                None => return Err(last),
            },
            () = sleep(config::NEXT_ADDRESS), if !is_last => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::ErrorKind,
        net::{Ipv4Addr, TcpListener},
        time::Instant,
    };

    /// An address with a listener, and one without.
    fn listening() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    fn refusing() -> SocketAddr {
        listening().1
    }

    /// An address that accepts nothing and refuses nothing, as long as the returned value lives.
    #[cfg(target_os = "linux")]
    async fn silent() -> (impl Sized, SocketAddr) {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        // Until its backlog is full.
        let mut taken = Vec::new();
        while let Ok(connected) = attempt(address, Duration::from_millis(100)).await {
            taken.push(connected);
        }
        ((socket, taken), address)
    }

    const LONG: Duration = Duration::from_secs(10);

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn an_address_that_is_silent_costs_a_quarter_of_a_second() {
        let ((_silent, first), (_listener, second)) = (silent().await, listening());
        let begun = Instant::now();
        let (_stream, address) = race(vec![first, second], LONG).await.unwrap();
        assert_eq!(address, second);
        let took = begun.elapsed();
        assert!(took >= config::NEXT_ADDRESS && took < Duration::from_secs(5), "{took:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_connects_late_still_wins_where_the_others_fail() {
        let ((held, first), second) = (silent().await, refusing());
        let later = tokio::spawn(async move {
            sleep(2 * config::NEXT_ADDRESS).await;
            // There is room again.
            drop(held);
        });
        let error = race(vec![first, second], LONG).await.unwrap_err();
        // Its listener was dropped meanwhile, so it refuses the connection.
        assert_eq!(error.address(), Some(first));
        later.await.unwrap();
    }

    #[tokio::test]
    async fn the_next_one_does_not_wait_where_one_is_refused() {
        let (_listener, second) = listening();
        let begun = Instant::now();
        let (_stream, address) = race(vec![refusing(), second], LONG).await.unwrap();
        assert_eq!(address, second);
        assert!(begun.elapsed() < config::NEXT_ADDRESS);
    }

    #[tokio::test]
    async fn where_all_fail_the_last_failure_is_told() {
        let error = race(vec![refusing(), refusing()], LONG).await.unwrap_err();
        match error {
            Error::System { syscall: "connect", source, .. } => {
                assert_eq!(source.kind(), ErrorKind::ConnectionRefused);
            }
            other => panic!("{other:?}"),
        }
    }
}
