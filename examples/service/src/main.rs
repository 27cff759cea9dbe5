//! A web service: `POST /classify` with a JPEG or PNG file answers with the five most probable of ImageNet's classes.
//!
//! ```sh
//! cargo run --release -p service
//! curl --data-binary @models/photos/coffee.png http://127.0.0.1:8080/classify
//! ```
//!
//! One thread runs the network. What waits for it while it runs is its next batch, so that nobody waits for a batch to
//! fill; when more than [`WAITING`] wait, others are told to come again later instead of waiting in memory.

mod worker;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rexnet::{Prediction, image, softmax, top};
use serde_json::json;
use std::error::Error;
use tokio::sync::mpsc::error::TrySendError;
use worker::{Queue, enqueue, preprocessing};

/// How many photographs may wait.
const WAITING: usize = 64;
/// The longest photograph, in bytes.
const LONGEST: usize = 16 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let service = service(worker::start(WAITING)?);
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let stopped = async {
        // Without signals the service runs until it is killed.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    axum::serve(listener, service).with_graceful_shutdown(stopped).await?;
    Ok(())
}

fn service(queue: Queue) -> Router {
    Router::new().route("/classify", post(classify)).layer(DefaultBodyLimit::max(LONGEST)).with_state(queue)
}

/// 200 with the classes; 400 for what is no photograph; 503 when too many wait.
async fn classify(State(queue): State<Queue>, file: Bytes) -> Response {
    let [_, _, height, width] = worker::INPUT;
    // Decoding takes longer than a thread that answers others should be held up.
    let prepare = move || image::prepare(&image::decode(&file)?, &preprocessing(), height, width);
    let input = match tokio::task::spawn_blocking(prepare).await {
        Ok(Ok(input)) => input,
        Ok(Err(error)) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let answer = match enqueue(&queue, input) {
        Ok(answer) => answer,
        Err(TrySendError::Full(_)) => {
            let later = [(header::RETRY_AFTER, "1")];
            return (StatusCode::SERVICE_UNAVAILABLE, later, "too many photographs wait\n").into_response();
        }
        Err(TrySendError::Closed(_)) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let Ok(logits) = answer.await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let classes = top(&softmax(&logits), 5).into_iter().map(|Prediction { index, probability }| {
        json!({ "class": index, "label": worker::LABELS[index], "probability": probability })
    });
    let body = serde_json::Value::from_iter(classes).to_string() + "\n";
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt;

    async fn answer(service: &Router, body: impl Into<Body>) -> (StatusCode, String) {
        let request = Request::post("/classify").body(body.into()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), LONGEST).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn photographs_are_classified_together_or_alone() {
        let service = service(worker::start(WAITING).unwrap());
        let photograph = include_bytes!("../../../models/photos/coffee.png").as_slice();
        let all = (0..7).map(|_| {
            let service = service.clone();
            tokio::spawn(async move { answer(&service, photograph).await })
        });
        let mut bodies = Vec::new();
        for task in all.collect::<Vec<_>>() {
            let (status, body) = task.await.unwrap();
            assert_eq!(status, StatusCode::OK, "{body}");
            bodies.push(body);
        }
        // A batch gives each the bits that it has alone.
        assert!(bodies[0].contains("espresso") && bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    }

    #[tokio::test]
    async fn what_is_no_photograph_is_refused() {
        let service = service(worker::start(WAITING).unwrap());
        let (status, body) = answer(&service, "nonsense").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(body.contains("photograph") || body.contains("image"), "{body}");
        let (status, _) = answer(&service, vec![0; LONGEST + 1]).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test]
    async fn too_many_are_sent_away() {
        // A queue that nobody works off.
        let (queue, _waiting) = tokio::sync::mpsc::channel(1);
        enqueue(&queue, Vec::new()).unwrap();
        let photograph = include_bytes!("../../../models/photos/coffee.png").as_slice();
        let (status, _) = answer(&service(queue), photograph).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
