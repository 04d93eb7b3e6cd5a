//! The API: an HTTP/1.1 server.

use super::{
    api::Api,
    pages::Page,
    phase::Phase,
    places::{Lease, Place, Places},
    stream::{Answer, Stream},
};
use crate::{
    body::{self, Unread},
    config::{self, grape::API_HEAD_BYTES},
    grape::{Failure, Selection, api as texts, page},
    net::{io, tasks::Tasks},
    process,
};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{self, HeaderName},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use std::{convert::Infallible, fs::File, future::ready, io::Error, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    select,
    sync::mpsc,
    task::yield_now,
    time::sleep,
};

pub(super) struct Server {
    pub api: Arc<Api>,
    pub tasks: Tasks,
    /// Held for as long as a socket is open.
    pub held: mpsc::Sender<()>,
}

/// Identifies a grape of this package to programs.
const SERVER: HeaderValue =
    HeaderValue::from_static(concat!("grenache-nodejs-ws-native/", env!("CARGO_PKG_VERSION")));

/// As Node's own server: its clients close an idle connection after that.
const KEEP_ALIVE: HeaderValue = HeaderValue::from_static("timeout=5");
const KEEP_ALIVE_NAME: HeaderName = HeaderName::from_static("keep-alive");
/// Lets a watcher distinguish one run of a grape from the next, which knows no announces.
const INSTANCE: HeaderName = HeaderName::from_static("grape-instance");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const NO_SNIFF: HeaderValue = HeaderValue::from_static("nosniff");

impl Server {
    /// Accepts connections until it is aborted.
    pub async fn run(self, listener: TcpListener) {
        let places = Places::new(self.api.client.inbox().clone(), process::descriptors());
        select! {
            () = self.accept(&listener, &places) => {}
            () = places.keep_sweeping() => {}
        }
    }

    async fn accept(&self, listener: &TcpListener, places: &Places) {
        let mut reserve = Reserve::default();
        loop {
            reserve.fill();
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    let is_helped = lacks_descriptors(&error)
                        && (places.spare(config::ACCEPT_RETRY).await
                            || reserve.turn_away(listener).await);
                    if !is_helped {
                        sleep(config::ACCEPT_RETRY).await;
                    }
                    continue;
                }
            };
            // Without threads this task would not run.
            let Ok(runtime) = io::runtime() else { return };
            let lease = places.take(from.ip());
            let (api, held, places) = (self.api.clone(), self.held.clone(), places.clone());
            let lease = Arc::new(lease);
            let serves = lease.clone();
            let task = self.tasks.spawn(runtime, async move {
                serve(stream, api, places, &serves).await;
                drop((serves, held));
            });
            if let Some(task) = task {
                lease.served_by(task);
            }
        }
    }
}

/// A spare descriptor for when there are no others: new connections are then closed at once, so
/// that links ask another grape.
#[derive(Default)]
struct Reserve(Option<File>);

impl Reserve {
    /// Opens it, if possible.
    fn fill(&mut self) {
        if cfg!(unix) && self.0.is_none() {
            self.0 = File::open("/dev/null").ok();
        }
    }

    /// Closes a waiting connection. False: it could not be done.
    async fn turn_away(&mut self, listener: &TcpListener) -> bool {
        if self.0.take().is_none() {
            return false;
        }
        // Other threads take descriptors too, and the client may have disconnected.
        let was_there = select! {
            biased;
            accepted = listener.accept() => accepted.is_ok(),
            () = ready(()) => true,
        };
        self.fill();
        // Other tasks have their turn, which may free some.
        yield_now().await;
        was_there
    }
}

fn lacks_descriptors(error: &Error) -> bool {
    // EMFILE and ENFILE.
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

async fn serve(stream: TcpStream, api: Arc<Api>, places: Places, lease: &Lease) {
    let Ok(stream) = Stream::new(stream, lease.place.clone()) else { return };
    let service = service_fn(move |request| {
        let (api, place, places) = (api.clone(), lease.place.clone(), places.clone());
        async move { Ok::<_, Infallible>(respond(&api, &place, &places, request).await) }
    });
    // An error is a client's, and ends its connection. Its time limits are those of its place.
    let _ = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(API_HEAD_BYTES)
        // Responses are short: copying one behind its head costs less than a list of two buffers.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn respond(
    api: &Api,
    place: &Arc<Place>,
    places: &Places,
    request: Request<Incoming>,
) -> Response<Answer> {
    place.asked().await;
    let (head, body) = request.into_parts();
    let shown = match head.method {
        Method::GET | Method::HEAD => Shown::at(head.uri.path()),
        _ => None,
    };
    let is_page = shown.is_some_and(|shown| shown != Shown::Watch);
    if let Err(failure) = api.guard.check(&head.method, &head.uri, &head.headers, is_page) {
        return refusal(&failure, place);
    }
    if let Some(shown) = shown {
        // Separate, so that the futures of service requests are small.
        let query = head.uri.query().unwrap_or_default();
        return Box::pin(show(shown, &head.method, query, api, place, places)).await;
    }
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let kind = path.strip_prefix('/').unwrap_or(path);
    let result = match head.method {
        Method::POST => request_of(api, place, kind, body).await,
        _ if texts::changes(kind) => Err(Failure::BadMethod),
        Method::GET | Method::HEAD if !texts::is_known(kind) => Err(Failure::NotFound),
        _ => request_of(api, place, kind, body).await,
    };
    match result {
        Ok(text) => text_answer(StatusCode::OK, JSON, text.into(), place),
        Err(failure) => refusal(&failure, place),
    }
}

async fn request_of(
    api: &Api,
    place: &Place,
    kind: &str,
    body: Incoming,
) -> Result<String, Failure> {
    let body = match body::read(body, api.body_limit).await {
        Ok(body) => body,
        Err(Unread::TooLong) => return Err(Failure::LargeBody),
        // The rest of it will not come.
        Err(Unread::Broken(_)) => return Err(Failure::BadBody),
    };
    place.set(Phase::Working);
    api.answer(texts::parse(kind, &body)?, place.client(), Some(place)).await
}

/// Pages for people and other programs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Page(Page),
    Health,
    Watch,
}

impl Shown {
    fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Page(Page::Html),
            "/status" => Self::Page(Page::Status),
            "/metrics" => Self::Page(Page::Metrics),
            "/health" => Self::Health,
            "/watch" => Self::Watch,
            _ => return None,
        })
    }
}

async fn show(
    shown: Shown,
    method: &Method,
    query: &str,
    api: &Api,
    place: &Arc<Place>,
    places: &Places,
) -> Response<Answer> {
    let text = match shown {
        Shown::Health => Some(Bytes::from_static(b"ok\n")),
        Shown::Watch if *method == Method::GET => {
            places.make_room_for_watcher();
            place.set(Phase::Watching);
            let mut answer = Response::new(Answer::endless(place.clone()));
            insert(&mut answer, header::SERVER, SERVER);
            insert(&mut answer, header::CACHE_CONTROL, NO_STORE);
            insert(&mut answer, INSTANCE, api.instance.clone());
            return answer;
        }
        Shown::Watch => Some(Bytes::new()),
        Shown::Page(page) => {
            place.set(Phase::Working);
            api.pages.get(page, Selection::of_query(query)).await
        }
    };
    let Some(text) = text else { return refusal(&Failure::Stopped, place) };
    let kind = match shown {
        Shown::Page(Page::Html) => HeaderValue::from_static("text/html; charset=utf-8"),
        Shown::Page(Page::Status) => JSON,
        Shown::Page(Page::Metrics) => {
            HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8")
        }
        Shown::Health | Shown::Watch => PLAIN,
    };
    let mut answer = text_answer(StatusCode::OK, kind, text, place);
    insert(&mut answer, header::SERVER, SERVER);
    if shown == Shown::Page(Page::Html) {
        insert(
            &mut answer,
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(page::POLICY),
        );
        insert(&mut answer, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    answer
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");

fn refusal(failure: &Failure, place: &Arc<Place>) -> Response<Answer> {
    let status =
        StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = failure.to_string();
    let (kind, text) = if failure.is_plain() {
        (PLAIN, text)
    } else {
        (JSON, serde_json::Value::String(text).to_string())
    };
    let mut answer = text_answer(status, kind, text.into(), place);
    if *failure == Failure::BadMethod {
        insert(&mut answer, header::ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}

fn text_answer(
    status: StatusCode,
    kind: HeaderValue,
    text: Bytes,
    place: &Arc<Place>,
) -> Response<Answer> {
    place.set(Phase::Answering);
    let mut answer = Response::new(Answer::text(text, place.clone()));
    *answer.status_mut() = status;
    insert(&mut answer, header::CONTENT_TYPE, kind);
    insert(&mut answer, header::CACHE_CONTROL, NO_STORE);
    insert(&mut answer, header::X_CONTENT_TYPE_OPTIONS, NO_SNIFF);
    insert(&mut answer, KEEP_ALIVE_NAME, KEEP_ALIVE);
    answer
}

fn insert(answer: &mut Response<Answer>, name: HeaderName, value: HeaderValue) {
    answer.headers_mut().insert(name, value);
}
