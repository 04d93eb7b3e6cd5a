//! The API: an HTTP/1.1 server.

use super::Shared;
use crate::{
    config::grape as config,
    grape::{Failure, api},
    net::{io, tasks::Tasks},
};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::{
    body::{Body, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};

pub(super) struct Server {
    pub shared: Arc<Shared>,
    pub tasks: Tasks,
    /// Held for as long as a socket is open.
    pub held: mpsc::Sender<()>,
}

/// A body that goes on for as long as the node does: who reads it notices the end.
pub(super) struct Endless;

type Answer = Response<Either<Full<Bytes>, Endless>>;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

impl Server {
    /// Accepts connections until it is aborted.
    pub async fn run(self, listener: TcpListener) {
        let places = Arc::new(Semaphore::new(config::API_CONNECTIONS));
        loop {
            // Nobody closes the semaphore.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                sleep(crate::config::ACCEPT_RETRY).await;
                continue;
            };
            let (shared, held) = (self.shared.clone(), self.held.clone());
            // Without threads nobody would be here.
            let Ok(runtime) = io::runtime() else { return };
            self.tasks.spawn(runtime, async move {
                serve(stream, shared).await;
                drop((place, held));
            });
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Answers are one write each; to wait for more would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(respond(&shared, request).await) }
    });
    // An error is a client's, and ends its connection.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(config::API_READ_TIMEOUT)
        // Answers are short: to copy one behind its head costs less than a list of two buffers.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(shared: &Shared, request: Request<Incoming>) -> Answer {
    let path = request.uri().path_and_query().map_or("", |path| path.as_str());
    if *request.method() == Method::GET
        && let Some(answer) = page(shared, path).await
    {
        return answer;
    }
    let kind = path.strip_prefix('/').unwrap_or(path).to_owned();
    match request_of(shared, &kind, request.into_body()).await {
        Ok(text) => text_answer(StatusCode::OK, "application/json", text),
        Err(failure) => {
            let status =
                StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            if failure.is_plain() {
                return text_answer(status, "text/plain", failure.to_string());
            }
            let text = serde_json::Value::String(failure.to_string()).to_string();
            text_answer(status, "application/json", text)
        }
    }
}

async fn request_of(shared: &Shared, kind: &str, body: Incoming) -> Result<String, Failure> {
    let read = Limited::new(body, shared.body_limit).collect();
    let body = match timeout(config::API_READ_TIMEOUT, read).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Failure::LargeBody),
        // The rest of it will not come.
        Ok(Err(_)) | Err(_) => return Err(Failure::BadBody),
    };
    shared.answer(api::parse(kind, &body)?).await
}

/// What is there to be read, by people and by other programs.
async fn page(shared: &Shared, path: &str) -> Option<Answer> {
    Some(match path {
        "/" => text_answer(StatusCode::OK, "text/html; charset=utf-8", shared.view().await?.html()),
        "/status" => {
            let text = serde_json::to_string(&shared.view().await?).unwrap_or_default();
            text_answer(StatusCode::OK, "application/json", text)
        }
        "/metrics" => text_answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            shared.view().await?.metrics(),
        ),
        "/watch" => Response::new(Either::Right(Endless)),
        _ => return None,
    })
}

fn text_answer(status: StatusCode, kind: &'static str, text: String) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    if kind.starts_with("text/html") {
        let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
        headers.insert(header::CONTENT_SECURITY_POLICY, header::HeaderValue::from_static(policy));
    }
    answer
}
