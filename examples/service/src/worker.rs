//! The thread that runs the network, one batch after the other.

use rexnet::{Preprocessing, pack};
use std::error::Error;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

rexnet::network! {
    /// One photograph at a time.
    struct Single;
    efficientnet_lite0, labels = "../../models/imagenet_classes.txt"
}

rexnet::network! {
    /// Four at a time: each weight is read once for all of them.
    struct Batch;
    efficientnet_lite0, batch = 4
}

/// In half precision (Apache-2.0; see `models/efficientnet_lite0/NOTICE`).
static WEIGHTS: &[u8] = include_bytes!("../../../models/efficientnet_lite0/weights.safetensors");

/// The extents of one input.
pub(crate) const INPUT: [usize; 4] = Single::INPUT;
/// The names of the classes.
pub(crate) const LABELS: [&str; CLASSES] = Single::LABELS;

const CLASSES: usize = Single::OUTPUT[1];
const PIXELS: usize = 3 * INPUT[2] * INPUT[3];
const TOGETHER: usize = Batch::INPUT[0];
const _: () = assert!(Single::LAYOUT_HASH == Batch::LAYOUT_HASH, "both take the same packed weights");

/// A prepared photograph, and where its logits go.
pub(crate) type Job = (Vec<f32>, oneshot::Sender<Vec<f32>>);
/// Where jobs wait.
pub(crate) type Queue = mpsc::Sender<Job>;

/// How a photograph becomes an input.
pub(crate) fn preprocessing() -> Preprocessing {
    single::PREPROCESSING
}

/// Lets an input wait for its turn; the logits come when it was run.
///
/// # Errors
/// The job, when too many wait or the worker has ended.
pub(crate) fn enqueue(
    queue: &Queue,
    input: Vec<f32>,
) -> Result<oneshot::Receiver<Vec<f32>>, TrySendError<Job>> {
    let (sender, answer) = oneshot::channel();
    queue.try_send((input, sender))?;
    Ok(answer)
}

/// Starts the thread; it ends with the last sender.
///
/// # Errors
/// When the weights cannot be packed, or the thread cannot be started.
pub(crate) fn start(waiting: usize) -> Result<Queue, Box<dyn Error>> {
    let packed = pack(Single::SPEC, WEIGHTS)?;
    let (single, batch) = (Single::from_packed(&packed)?, Batch::from_packed(&packed)?);
    let (queue, jobs) = mpsc::channel(waiting);
    std::thread::Builder::new().name("network".to_owned()).spawn(move || work(&single, &batch, jobs))?;
    Ok(queue)
}

fn work(single: &Single, batch: &Batch, mut queue: mpsc::Receiver<Job>) {
    let (mut alone, mut together) = (single.session(), batch.session());
    let mut inputs = vec![0.0; TOGETHER * PIXELS];
    while let Some(first) = queue.blocking_recv() {
        let mut jobs = vec![first];
        while jobs.len() < TOGETHER
            && let Ok(next) = queue.try_recv()
        {
            jobs.push(next);
        }
        // Whoever has gone away meanwhile wants no answer.
        jobs.retain(|(input, answer)| input.len() == PIXELS && !answer.is_closed());
        let mut logits = [0.0; TOGETHER * CLASSES];
        match jobs.as_slice() {
            [] => continue,
            [(input, _)] => {
                if let (Some(input), Some(logits)) = (input.first_chunk(), logits.first_chunk_mut()) {
                    alone.run(input, logits);
                }
            }
            several => {
                for (place, (input, _)) in inputs.chunks_exact_mut(PIXELS).zip(several) {
                    place.copy_from_slice(input);
                }
                if let Some(inputs) = inputs.first_chunk() {
                    together.run(inputs, &mut logits);
                }
            }
        }
        for ((_, answer), logits) in jobs.into_iter().zip(logits.chunks(CLASSES)) {
            // It is no fault when nobody waits any more.
            let _ = answer.send(logits.to_vec());
        }
    }
}
