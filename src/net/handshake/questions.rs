//! Clients that JavaScript decides about before their handshake is answered.

use crate::{net::connection::Connections, rpc::Event, ws::Head};
use std::{
    collections::HashMap,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// JavaScript's decision: `None` accepts the client; otherwise the response that rejects it.
pub type Decision = Option<Vec<u8>>;

/// A client that waits for the decision.
#[derive(Debug)]
pub struct Question {
    /// The client's request.
    pub head: Head,
    /// Its address.
    pub remote: Option<SocketAddr>,
}

/// The pending questions of one JavaScript environment, by number.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct Questions(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    asked: HashMap<u32, Asked>,
    last: u32,
}

#[derive(Debug)]
struct Asked {
    /// Until JavaScript has fetched it, which frees its place in the fetch queue.
    question: Option<(Question, OwnedSemaphorePermit)>,
    /// `None`: decided, or the client disconnected.
    decide: Option<oneshot::Sender<Decision>>,
}

impl Questions {
    /// Submits a question about a client of `server`.
    pub fn ask(
        &self,
        hub: &Arc<Connections>,
        server: u32,
        question: Question,
        permit: OwnedSemaphorePermit,
    ) -> OpenQuestion {
        let (decide, decision) = oneshot::channel();
        let number = {
            let mut open = self.lock();
            open.last = open.last.wrapping_add(1);
            let asked = Asked { question: Some((question, permit)), decide: Some(decide) };
            let number = open.last;
            open.asked.insert(number, asked);
            number
        };
        hub.event(Event::Asked { server, ask: number });
        OpenQuestion {
            questions: self.clone(),
            hub: hub.clone(),
            server,
            number,
            decision,
            is_over: false,
        }
    }

    /// The question for JavaScript; `None` when the client has disconnected.
    pub fn fetch(&self, number: u32) -> Option<Question> {
        let mut open = self.lock();
        let asked = open.asked.get_mut(&number)?;
        let question = asked.question.take();
        if asked.decide.is_none() {
            open.asked.remove(&number);
            return None;
        }
        question.map(|(question, _)| question)
    }

    /// Applies JavaScript's decision; no effect when the client has disconnected.
    pub fn decide(&self, number: u32, decision: Decision) {
        let decide = self.lock().asked.get_mut(&number).and_then(|asked| asked.decide.take());
        if let Some(decide) = decide {
            // The client may disconnect at this moment.
            let _ = decide.send(decision);
        }
    }

    /// Settles the question. True: JavaScript knows of it.
    fn settle(&self, number: u32) -> bool {
        let mut open = self.lock();
        let Some(asked) = open.asked.get_mut(&number) else { return false };
        if asked.question.is_none() {
            open.asked.remove(&number);
            return true;
        }
        // It stays queued until JavaScript fetches it: its place is for that.
        asked.decide = None;
        if let Some((question, _)) = &mut asked.question {
            question.head = Head::default();
        }
        false
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One question, until it is dropped.
pub(in crate::net) struct OpenQuestion {
    questions: Questions,
    hub: Arc<Connections>,
    server: u32,
    number: u32,
    decision: oneshot::Receiver<Decision>,
    is_over: bool,
}

impl fmt::Debug for OpenQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenQuestion({})", self.number)
    }
}

impl OpenQuestion {
    /// Waits for JavaScript's decision; `None` when there will be none.
    pub async fn decision(&mut self) -> Option<Decision> {
        (&mut self.decision).await.ok()
    }

    /// The client is accepted: JavaScript is notified with this number.
    pub fn accepted(mut self) -> u32 {
        self.is_over = true;
        self.questions.settle(self.number);
        self.number
    }
}

impl Drop for OpenQuestion {
    fn drop(&mut self) {
        if !self.is_over && self.questions.settle(self.number) {
            self.hub.event(Event::Unasked { server: self.server, ask: self.number });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::hub::Hub;
    use tokio::sync::Semaphore;

    fn asked(
        questions: &Questions,
        hub: &Arc<Connections>,
        places: &Arc<Semaphore>,
    ) -> OpenQuestion {
        let head = Head { url: "/a".into(), headers: Vec::new() };
        let permit = places.clone().try_acquire_owned().unwrap();
        questions.ask(hub, 3, Question { head, remote: None }, permit)
    }

    /// The events that wait for JavaScript.
    fn events(hub: &Connections) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some((batch, _)) = hub.fetch() {
            texts.extend(batch.finish().1.iter().map(|event| format!("{event:?}")));
        }
        texts
    }

    #[tokio::test]
    async fn a_question_is_fetched_decided_and_over() {
        let (questions, hub, places) =
            (Questions::default(), Arc::new(Hub::new(|| {})), Arc::new(Semaphore::new(1)));
        let mut ask = asked(&questions, &hub, &places);
        assert_eq!(events(&hub), ["Asked { server: 3, ask: 1 }"]);
        assert_eq!(places.available_permits(), 0);
        assert_eq!(questions.fetch(1).unwrap().head.url, "/a");
        assert_eq!(places.available_permits(), 1);
        questions.decide(1, Some(b"no".to_vec()));
        questions.decide(1, None);
        assert_eq!(ask.decision().await, Some(Some(b"no".to_vec())));
        drop(ask);
        assert_eq!(events(&hub), ["Unasked { server: 3, ask: 1 }"]);
        assert!(questions.lock().asked.is_empty());

        let mut ask = asked(&questions, &hub, &places);
        questions.fetch(2);
        questions.decide(2, None);
        assert_eq!(ask.decision().await, Some(None));
        assert_eq!(ask.accepted(), 2);
        assert_eq!(events(&hub), ["Asked { server: 3, ask: 2 }"]);
        assert!(questions.lock().asked.is_empty());
    }

    #[test]
    fn a_client_that_goes_before_javascript_looks_keeps_its_place_until_then() {
        let (questions, hub, places) =
            (Questions::default(), Arc::new(Hub::new(|| {})), Arc::new(Semaphore::new(1)));
        drop(asked(&questions, &hub, &places));
        assert_eq!(places.available_permits(), 0);
        assert!(questions.fetch(1).is_none());
        assert_eq!(places.available_permits(), 1);
        assert!(questions.lock().asked.is_empty());
        assert_eq!(events(&hub), ["Asked { server: 3, ask: 1 }"]);
        questions.decide(1, None);
        assert!(questions.fetch(1).is_none());
    }
}
