//! Certificates: of the receiver, which are looked at, and ours.

use super::http::Answer;
use super::syslog::read_all;
use super::{Arrivals, Place};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

/// Whoever signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, as PEM.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name, and its key, as PEM.
    pub(crate) fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A server's settings, for this name, that asks for certificates of `clients`.
    fn server(&self, name: &str, clients: Option<&Self>) -> Arc<ServerConfig> {
        let (chain, key) = self.issue(name);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_safe_default_protocol_versions().unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.0.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        Arc::new(config.with_single_cert(chain, key).unwrap())
    }
}

/// A syslog server on that port.
fn serve(listener: TcpListener, config: Arc<ServerConfig>, arrivals: &Arrivals) {
    let arrivals = arrivals.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, arrivals) = (Arc::clone(&config), arrivals.clone());
            thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                read_all(&mut stream, &arrivals);
                // A farewell, where the connection still stands.
                stream.conn.send_close_notify();
                let _ = stream.conn.write_tls(&mut stream.sock);
            });
        }
    });
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[test]
fn over_tls_all_arrive_once_and_in_order() {
    let place = Place::with(3000);
    let authority = Authority::new("one");
    place.write("ca.pem", &authority.pem());
    let (listener, address) = listen();
    let arrivals = Arrivals::default();
    serve(listener, authority.server("localhost", None), &arrivals);
    place.receiver(
        &format!("syslog+tls://localhost:{}", address.port()),
        "tls-ca = 'ca.pem'",
    );
    let told = place.once(0);
    assert!(told.contains("3000 events delivered"), "{told}");
    arrivals.check_once(3000);
}

#[test]
fn a_receiver_with_a_wrong_certificate_gets_nothing_until_it_has_the_right_one() {
    let place = Place::with(20);
    let (right, wrong) = (Authority::new("one"), Authority::new("other"));
    place.write("ca.pem", &right.pem());
    for (config, what) in [
        (wrong.server("127.0.0.1", None), "UnknownIssuer"),
        (right.server("other.example", None), "not valid for name"),
    ] {
        let (listener, address) = listen();
        let arrivals = Arrivals::default();
        serve(listener, config, &arrivals);
        place.receiver(&format!("syslog+tls://{address}"), "tls-ca = 'ca.pem'");
        let mut shipper = place.start();
        place.wait_told(what);
        assert!(shipper.signal("-TERM").success());
        assert!(arrivals.all().is_empty());
    }
    let (listener, address) = listen();
    let arrivals = Arrivals::default();
    serve(listener, right.server("127.0.0.1", None), &arrivals);
    place.receiver(&format!("syslog+tls://{address}"), "tls-ca = 'ca.pem'");
    place.once(0);
    arrivals.check_once(20);
}

#[test]
fn a_receiver_that_asks_for_our_certificate_gets_it_and_nothing_without() {
    let place = Place::with(20);
    let (servers, clients) = (Authority::new("one"), Authority::new("other"));
    let (certificate, key) = clients.issue("mxray");
    place.write("ca.pem", &servers.pem());
    place.write("me.pem", &certificate);
    place.write("me.key", &key);
    let (listener, address) = listen();
    let arrivals = Arrivals::default();
    serve(
        listener,
        servers.server("127.0.0.1", Some(&clients)),
        &arrivals,
    );
    let url = format!("syslog+tls://{address}");
    place.receiver(&url, "tls-ca = 'ca.pem'");
    let mut shipper = place.start();
    place.wait_told("it is tried again");
    shipper.signal("-TERM");
    assert!(arrivals.all().is_empty());
    place.receiver(
        &url,
        "tls-ca = 'ca.pem'\ntls-cert = 'me.pem'\ntls-key = 'me.key'",
    );
    place.once(0);
    arrivals.check_once(20);
}

#[test]
fn https_looks_at_certificates_too() {
    let place = Place::with(5);
    let (right, wrong) = (Authority::new("one"), Authority::new("other"));
    let (listener, address) = listen();
    let config = right.server("127.0.0.1", None);
    let arrivals = Arrivals::default();
    let seen = arrivals.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            super::http::one(&mut stream, &|request| {
                let lines: Vec<_> = request.body.lines().skip(1).step_by(2).collect();
                for document in &lines {
                    seen.add(document);
                }
                let items = vec![r#"{"create":{"status":201}}"#; lines.len()].join(",");
                Answer::Is(
                    200,
                    "Connection: close\r\n",
                    format!("{{\"items\":[{items}]}}"),
                )
            });
        }
    });
    let url = format!("elasticsearch+https://{address}");
    place.write("ca.pem", &wrong.pem());
    place.receiver(&url, "tls-ca = 'ca.pem'");
    let mut shipper = place.start();
    place.wait_told("UnknownIssuer");
    shipper.signal("-TERM");
    assert!(arrivals.all().is_empty());
    place.write("ca.pem", &right.pem());
    place.once(0);
    arrivals.check_once(5);
}

#[test]
fn files_that_hold_no_certificate_are_told_before_anything_is_sent() {
    let place = Place::with(1);
    for (text, what) in [
        ("", "there is no certificate in it"),
        ("-----BEGIN CERTIFICATE-----\n", "ca.pem: "),
    ] {
        place.write("ca.pem", text);
        place.receiver("syslog+tls://127.0.0.1:1", "tls-ca = 'ca.pem'");
        let told = place.once(1);
        assert!(told.contains(what), "{told}");
    }
}
