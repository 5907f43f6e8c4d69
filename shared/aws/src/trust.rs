//! Whom the functions trust when they speak TLS: roots that are part of the program. Reading and parsing the system's some 145 certificates
//! would cost each start, and again each client, several million instructions.
//!
//! Who has a root of their own, such as that of a server behind the firewall, names a bundle in `SSL_CERT_FILE` or a folder in
//! `SSL_CERT_DIR`: then that, and nothing else, is trusted.

use std::sync::Arc;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use reqwest::ClientBuilder;
use rustls::{ClientConfig, RootCertStore, crypto::ring::default_provider};

use crate::settings::environment;

/// The roots of Amazon Trust Services, which sign for AWS's endpoints: Amazon Root CA 1 to 4, and Starfield Services G2.
/// Source: <https://www.amazontrust.com/repository/>, and
/// <https://docs.aws.amazon.com/general/latest/gr/aws-general.html> on the roots that a client has to have.
const AMAZON: &[u8] = include_bytes!("trust/amazon.pem");

/// For AWS: Amazon's own roots, in the regions for which AWS names them; in others (China, and the isolated ones) the system's.
pub(crate) fn aws(lookup: &dyn Fn(&str) -> Option<String>) -> TlsContext {
    let elsewhere = lookup("AWS_REGION").is_some_and(|region| region.starts_with("cn-") || region.contains("-iso"));
    let store = if has_own(lookup) || elsewhere {
        TrustStore::default()
    } else {
        TrustStore::empty().with_pem_certificate(AMAZON)
    };
    TlsContext::builder().with_trust_store(store).build().unwrap_or_else(|_| unreachable!("a context without choices"))
}

/// The beginnings of a client for everybody else: Slack, the providers, the URLs of checks.
pub fn client() -> ClientBuilder {
    // The same TLS provider as the AWS clients use; installing it a second time is no error to us.
    let _ = default_provider().install_default();
    let builder = reqwest::Client::builder();
    match public(&environment) {
        Some(tls) => builder.tls_backend_preconfigured(tls),
        None => builder,
    }
}

/// Mozilla's roots, as the crate `webpki-roots` has them. `None` where a bundle of one's own is named: the system's way finds it.
fn public(lookup: &dyn Fn(&str) -> Option<String>) -> Option<ClientConfig> {
    if has_own(lookup) {
        return None;
    }
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    Some(builder.with_root_certificates(roots).with_no_client_auth())
}

fn has_own(lookup: &dyn Fn(&str) -> Option<String>) -> bool {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| lookup(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn amazons_roots_are_those_that_mozilla_trusts() {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(AMAZON) {
            roots.add(certificate.expect("a certificate")).expect("a root");
        }
        assert_eq!(roots.roots.len(), 5);
        for root in roots.roots {
            assert!(webpki_roots::TLS_SERVER_ROOTS.contains(&root), "{:?}", root.subject);
        }
    }

    #[test]
    fn a_bundle_of_ones_own_takes_the_place_of_all() {
        let own = |name: &str| (name == "SSL_CERT_FILE").then(|| "/opt/roots.pem".to_owned());
        assert!(public(&own).is_none() && public(&|_| None).is_some());
        assert!(format!("{:?}", aws(&own)).contains("enable_native_roots: true"));
        assert!(format!("{:?}", aws(&|_| None)).contains("enable_native_roots: false"));
        let china = |name: &str| (name == "AWS_REGION").then(|| "cn-north-1".to_owned());
        assert!(format!("{:?}", aws(&china)).contains("enable_native_roots: true"));
    }
}
