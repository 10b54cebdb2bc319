//! mxray finds mass-mailing worms and spam bots in captured traffic by how they use DNS
//! and SMTP.
pub mod capture;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod count;
pub mod decode;
pub mod home;
pub mod host;
pub mod inventory;
pub mod keywords;
pub mod synth;
pub mod time;
pub mod toml_file;
pub mod verdict;
