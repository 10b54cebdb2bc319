//! Whom to trust and who we are, for both libraries that speak TLS.

use super::TlsFiles;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A PEM file.
    #[error("{}: {message}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// There is nobody to trust.
    #[error(
        "the system has no certificates that are trusted ({0}); name a file of them (--tls-ca)"
    )]
    Nobody(String),
    /// Certificate and key.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// Certificates as they are in files.
struct Loaded {
    trusted: Vec<CertificateDer<'static>>,
    client: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
}

impl Loaded {
    fn load(files: &TlsFiles) -> Result<Self, TlsError> {
        let trusted = if let Some(path) = &files.ca {
            certificates(path)?
        } else {
            let found = rustls_native_certs::load_native_certs();
            if found.certs.is_empty() {
                let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
                return Err(TlsError::Nobody(errors.join(", ")));
            }
            found.certs
        };
        let client = match &files.client {
            None => None,
            Some((chain, key)) => {
                let chain = certificates(chain)?;
                let read = PrivateKeyDer::from_pem_file(key);
                Some((chain, read.map_err(|error| file(key, &error))?))
            }
        };
        Ok(Self { trusted, client })
    }
}

/// TLS for a stream.
pub(super) fn client(files: &TlsFiles) -> Result<Arc<ClientConfig>, TlsError> {
    let Loaded { trusted, client } = Loaded::load(files)?;
    let mut roots = RootCertStore::empty();
    // Some systems hold certificates that nobody can use.
    roots.add_parsable_certificates(trusted);
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    Ok(Arc::new(match client {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config.with_client_auth_cert(chain, key)?,
    }))
}

/// TLS for HTTP.
pub(super) fn http(files: &TlsFiles) -> Result<TlsConfig, TlsError> {
    let Loaded { trusted, client } = Loaded::load(files)?;
    let owned = |certificate: &CertificateDer<'_>| Certificate::from_der(certificate).to_owned();
    let trusted: Vec<_> = trusted.iter().map(owned).collect();
    let client = match (client, &files.client) {
        (Some((chain, _)), Some((_, path))) => {
            let pem = std::fs::read(path).map_err(|error| file(path, &error))?;
            let key = PrivateKey::from_pem(&pem).map_err(|error| file(path, &error))?;
            let chain: Vec<_> = chain.iter().map(owned).collect();
            Some(ClientCert::new_with_certs(&chain, key))
        }
        _ => None,
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider())
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .client_cert(client)
        .build())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| file(path, &error))?;
    let read: Result<Vec<_>, _> = read.collect();
    let certificates = read.map_err(|error| file(path, &error))?;
    if certificates.is_empty() {
        return Err(file(path, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn file(path: &Path, message: &dyn std::fmt::Display) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        message: message.to_string(),
    }
}
