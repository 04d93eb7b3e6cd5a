//! A connection after its handshake: the tokio thread moves its bytes, or hands it to the libuv
//! driver.

use crate::{
    caught::caught_in,
    config,
    error::Error,
    net::{
        admission::Places,
        alarm::Alarm,
        connection::{Arrival, Conn, Connections, Ended, Phase, Reading, State, Writer},
        handshake::{self, Established, OpenQuestion},
        settings::Io,
    },
    rpc::Event,
    ws::Role,
};
use socket2::SockRef;
use std::{
    cell::RefCell,
    convert::Infallible,
    future::{pending, poll_fn, ready},
    io::ErrorKind,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Instant,
};
use tokio::{
    io::{AsyncRead, Interest, ReadBuf},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    time::{sleep_until, timeout},
};

thread_local! {
    /// Buffer for one read. Shared by all connections of a thread, since none keeps bytes here.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; config::SCRATCH_BYTES]);
}

/// The handshake is complete except for a server's response: notifies JavaScript, and moves the
/// bytes or leaves that to the libuv driver.
pub(super) async fn run(
    hub: &Connections,
    farewells: &Places,
    conn: Arc<Conn>,
    established: Established,
    event: impl FnOnce(Arrival) -> Event<Arrival>,
) {
    let Established { stream, rest, answer, head, ask, permit } = established;
    let remote = stream.peer_addr().ok();
    match conn.io() {
        Io::Libuv => match stream.into_std() {
            Ok(stream) => {
                let stream = Arc::new(stream);
                conn.attach(Writer::Libuv(stream.clone()), &answer);
                if conn.role() == Role::Client {
                    // Queued requests are sent now, also when JavaScript is busy composing more.
                    conn.open();
                }
                let socket = Some((stream, rest));
                let ask = ask.map(OpenQuestion::accepted);
                hub.event(event(Arrival { conn, socket, head, remote, ask, permit }));
            }
            Err(error) => {
                conn.finish(Ended::abnormal(Some(Error::system("connect", error, None))));
            }
        },
        // Streams have no handshake here.
        Io::Tokio | Io::Stream => {
            let (mut reader, writer) = stream.into_split();
            let writer = Arc::new(writer);
            conn.attach(Writer::Tokio(writer.clone()), &answer);
            if conn.role() == Role::Client {
                conn.open();
            }
            let (mine, socket) = (conn.clone(), None);
            let ask = ask.map(OpenQuestion::accepted);
            hub.event(event(Arrival { conn: mine, socket, head, remote, ask, permit }));
            while conn.state().phase == Phase::Connecting {
                conn.changed().await;
            }
            let ended = match caught_in(pump(&conn, hub, &mut reader, writer, rest)).await {
                Ok(Err(ended)) => ended,
                Err(error) => {
                    conn.spoil(error);
                    Ended::abnormal(None)
                }
            };
            let sent_code = ended.sent_code();
            if sent_code {
                // Limited, since a client that does not read never gets the close frame.
                let _ = timeout(config::FAREWELL_TIMEOUT, written(&conn)).await;
            }
            conn.finish(ended);
            if sent_code {
                handshake::farewell(reader.as_ref(), &[], farewells).await;
            }
        }
    }
}

/// Moves bytes until the connection ends. `rest` was received with the handshake, and `socket` is
/// the reader's other half.
async fn pump(
    conn: &Conn,
    hub: &Connections,
    reader: &mut OwnedReadHalf,
    socket: Arc<OwnedWriteHalf>,
    mut rest: Vec<u8>,
) -> Result<Infallible, Ended> {
    let mut reading = Reading::new(conn);
    conn.receive(&mut reading, &mut rest)?;
    let (mut alarm, mut heartbeat) = (Alarm::new(), Alarm::new());
    let mut beat_at = conn.beat()?;
    let mut probed = false;
    loop {
        let State { phase, writer, check_at, may_read, drains } = conn.state();
        if drains {
            // Between two reads.
            conn.stop_reading();
        }
        let until = match phase {
            Phase::Dead => return Err(Ended::abnormal(None)),
            Phase::Closing(until) => Some(until),
            Phase::Connecting | Phase::Open => None,
        };
        // Registered before the check, so that room made in between is noticed.
        let mut room = pin!(hub.room());
        room.as_mut().enable();
        let paused = !may_read || conn.waits_for_room();
        tokio::select! {
            // In this order, so that a socket that always has more data cannot delay the rest.
            biased;
            () = conn.changed() => {}
            () = alarm.at(hub, check_at) => {
                catch_up(conn, reader, &mut reading).await?;
                conn.expire();
            }
            () = heartbeat.at(hub, beat_at) => {
                catch_up(conn, reader, &mut reading).await?;
                beat_at = conn.beat()?;
            }
            () = closing(until) => {
                catch_up(conn, reader, &mut reading).await?;
                return Err(Ended::abnormal(None));
            }
            () = writable(writer) => conn.unblocked(),
            () = room, if paused => {}
            result = read(conn, reader, &mut reading), if !paused => {
                // There is certainly more. Other connections of this thread have their turn first.
                if result? == config::SCRATCH_BYTES {
                    tokio::task::yield_now().await;
                }
            }
            result = watch(conn, &socket, &mut probed), if !may_read => result?,
        }
    }
}

/// Reads available data of a connection whose deadline may have passed: the pause of a whole
/// process may not have been noticed yet.
async fn catch_up(
    conn: &Conn,
    reader: &mut OwnedReadHalf,
    reading: &mut Reading,
) -> Result<(), Ended> {
    if !conn.is_overdue() {
        return Ok(());
    }
    // So that the runtime polls the system for available data.
    tokio::task::yield_now().await;
    for _ in 0..config::OVERDUE_READS {
        if !conn.state().may_read || conn.waits_for_room() {
            break;
        }
        tokio::select! {
            biased;
            result = read(conn, reader, reading) => drop(result?),
            () = ready(()) => break,
        }
    }
    Ok(())
}

/// Reads once and handles the data; returns the number of bytes.
async fn read(
    conn: &Conn,
    reader: &mut OwnedReadHalf,
    reading: &mut Reading,
) -> Result<usize, Ended> {
    poll_fn(|cx| {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buf = ReadBuf::new(scratch);
            Poll::Ready(match Pin::new(&mut *reader).poll_read(cx, &mut buf) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if buf.filled().is_empty() => Err(reading.ended(None)),
                Poll::Ready(Ok(())) => {
                    let length = buf.filled().len();
                    conn.receive(reading, buf.filled_mut()).map(|()| length)
                }
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::Interrupted => Ok(0),
                Poll::Ready(Err(error)) => {
                    Err(reading.ended(Some(Error::system("read", error, None))))
                }
            })
        })
    })
    .await
}

/// Watches a connection that is not read for now. Where the system does not report these events,
/// pings find them later.
async fn watch(conn: &Conn, socket: &OwnedWriteHalf, probed: &mut bool) -> Result<(), Ended> {
    tokio::select! {
        // A reset ends both halves, and gives the reason.
        biased;
        // Waiting itself only fails when the runtime ends.
        _ = socket.ready(Interest::ERROR) => {
            conn.was_reset(SockRef::from(socket.as_ref()).take_error())
        }
        () = other_half_ended(socket), if !*probed => {
            *probed = true;
            conn.probe();
            Ok(())
        }
    }
}

/// Waits until the other side has closed its half of the connection.
#[cfg(target_os = "linux")]
async fn other_half_ended(socket: &OwnedWriteHalf) {
    // Or sends urgent data, which no peer does.
    let _ = socket.ready(Interest::PRIORITY).await;
}

#[cfg(not(target_os = "linux"))]
async fn other_half_ended(_: &OwnedWriteHalf) {
    pending().await
}

/// Waits until all composed output is written, by any thread.
async fn written(conn: &Conn) {
    while !conn.is_written() {
        conn.flush_now();
        match conn.state().writer {
            Some(writer) => writable(Some(writer)).await,
            None => tokio::task::yield_now().await,
        }
    }
}

async fn writable(writer: Option<Writer>) {
    match writer {
        // An error is reported by the write that follows.
        Some(Writer::Tokio(writer)) => drop(writer.writable().await),
        Some(Writer::Libuv(_)) | None => pending().await,
    }
}

async fn closing(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => pending().await,
    }
}
