//! mxray finds mass-mailing worms and spam bots in captured traffic by how they use DNS
//! and SMTP.
pub mod capture;
pub mod host;
pub mod synth;
pub mod time;
