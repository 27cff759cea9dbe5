//! The table as JSON.

use super::Table;
use super::rows::{Row, Verdict};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Every row, and the files written with their bytes.
pub(super) fn to_json(table: &Table, files: &[(PathBuf, usize)]) -> Value {
    json!({
        "rows": table.rows.iter().map(row).collect::<Vec<_>>(),
        "measurement": table.measurement.map(|measurement| json!({
            "target": measurement.target,
            "threads": measurement.threads,
            "runs": measurement.runs,
            "batch": 1,
            "weights": "seeded with 0, answers mean nothing",
        })),
        "files": files.iter().map(|(path, bytes)| json!({ "path": path, "bytes": bytes })).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let record = row.record;
    let agrees = match row.verdict() {
        Verdict::Unpublished => None,
        Verdict::Agrees | Verdict::Fitted => Some(true),
        Verdict::Disagrees => Some(false),
    };
    json!({
        "section": record.section,
        "name": row.name,
        "network": row.call,
        "variant": record.variant,
        "stand_in": row.network.stand_in,
        "channels": { "stem": row.network.stem.channels, "blocks": row.widths() },
        "schedule": {
            "counted": row.schedule(),
            "published": record.widths,
            "agrees": row.widths_agree(),
        },
        "top1": record.top_1.and_then(|top_1| top_1.parse::<f64>().ok()),
        "params": {
            "counted": row.counts.parameters,
            "published": record.parameters,
            "agrees": row.parameters_agree(),
        },
        "macs": {
            "counted": row.counts.multiply_accumulates,
            "published": record.macs,
            "agrees": row.macs_agree(),
        },
        "agrees": agrees,
        "reason": record.reason,
        "note": record.note,
        "source": record.source,
        "latency": row.latency.map(|latency| json!({ "min_ms": latency.min, "median_ms": latency.median })),
    })
}
