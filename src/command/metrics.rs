//! `mxray metrics`.

use super::{Outcome, say};
use crate::cli;
use crate::watch::http::{Page, serve};
use crate::watch::{metrics, status};
use anyhow::Context as _;
use std::net::TcpListener;

pub(super) fn run(args: &cli::Metrics) -> anyhow::Result<Outcome> {
    let listener =
        TcpListener::bind(args.listen).with_context(|| format!("listening on {}", args.listen))?;
    let place = listener.local_addr().context("asking for the port")?;
    say(format_args!("serving http://{place}/metrics"));
    serve(
        &listener,
        &Page {
            path: "/metrics",
            content_type: metrics::CONTENT_TYPE,
            text: || metrics::page(&status::ask(&args.status)),
        },
    );
    Ok(Outcome::Done)
}
