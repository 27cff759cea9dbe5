//! The figures as JSON.

use super::Subject;
use rexnet::profile::{EXPECTED_SHARE, Group, Peaks, StepProfile, ThreadsEstimate, ThreadsModel, Timing};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Everything that was measured, and the files written with their bytes.
pub(super) fn to_json(subject: &Subject, files: &[(PathBuf, usize)]) -> Value {
    let profile = &subject.profile;
    let rate = profile.multiply_accumulates() as f64 / profile.run.min;
    json!({
        "network": subject.title,
        "weights": subject.weights,
        "backend": subject.backend.name(),
        "target": profile.target,
        "batch": subject.batch,
        "threads": 1,
        "rounds": profile.rounds,
        "peaks": peaks(&profile.peaks),
        "run": timing(profile.run),
        "steps_ms": 1e3 * profile.step_seconds(),
        "macs": profile.multiply_accumulates(),
        "gmacs_per_s": rate / 1e9,
        "peak_share": profile.share_of_peak(rate),
        "floor_ms": 1e3 * profile.floor_seconds(),
        "arithmetic_floor_ms": 1e3 * profile.arithmetic_seconds(),
        "roofline_ms": 1e3 * profile.roofline_seconds(),
        "threads_model": subject.threads.as_ref().map(threads_model),
        "groups": profile.groups().iter().map(group).collect::<Vec<_>>(),
        "steps": profile.steps.iter().map(|one| step(subject, one)).collect::<Vec<_>>(),
        "files": files.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect::<Vec<_>>(),
    })
}

fn threads_model(model: &ThreadsModel) -> Value {
    let estimate = |estimate: &ThreadsEstimate| {
        json!({
            "threads": estimate.threads,
            "modelled_ms": 1e3 * estimate.modelled,
            "modelled_speed_up": estimate.speed_up,
            "measured": estimate.measured.map(timing),
        })
    };
    json!({
        "stages": model.stages,
        "chunks": model.chunks,
        "barrier_us": 1e6 * model.barrier,
        "barrier_is_measured": model.barrier_is_measured,
        "estimates": model.estimates.iter().map(estimate).collect::<Vec<_>>(),
    })
}

fn peaks(peaks: &Peaks) -> Value {
    let reads: Vec<Value> = peaks
        .reads
        .iter()
        .map(|read| json!({ "bytes": read.bytes, "gb_per_s": read.bytes_per_second / 1e9 }))
        .collect();
    json!({
        "lanes": peaks.lanes,
        "gmacs_per_s": peaks.multiply_adds_per_second / 1e9,
        "gdivisions_per_s": peaks.divisions_per_second / 1e9,
        "reads": reads,
    })
}

fn timing(timing: Timing) -> Value {
    json!({ "min_ms": 1e3 * timing.min, "median_ms": 1e3 * timing.median })
}

fn group(group: &Group) -> Value {
    json!({
        "kind": group.kind,
        "steps": group.steps,
        "macs": group.multiply_accumulates,
        "ms": 1e3 * group.seconds,
        "roofline_ms": 1e3 * group.roofline_seconds,
    })
}

fn step(subject: &Subject, step: &StepProfile) -> Value {
    let operations = &step.operations;
    json!({
        "name": step.name,
        "kernel": step.kernel,
        "kind": step.kind,
        "macs": step.multiply_accumulates,
        "bytes": step.bytes,
        "weight_bytes": step.weight_bytes,
        "time": timing(step.time),
        "gmacs_per_s": step.rate() / 1e9,
        "peak_share": subject.profile.share_of_peak(step.rate()),
        "gb_per_s": step.bandwidth() / 1e9,
        "read_bytes": step.read.bytes,
        "read_share": step.bandwidth() / step.read.bytes_per_second,
        "arithmetic_ms": 1e3 * step.arithmetic_seconds,
        "memory_ms": 1e3 * step.memory_seconds,
        "roofline_ms": 1e3 * step.roofline_seconds(),
        "roofline_share": step.roofline_share(),
        "below_expected": step.roofline_share() < EXPECTED_SHARE,
        "vector_operations": {
            "multiply_adds": operations.multiply_adds,
            "divisions": operations.divisions,
            "others": operations.others,
            "loads": operations.loads,
            "broadcasts": operations.broadcasts,
            "stores": operations.stores,
        },
    })
}
