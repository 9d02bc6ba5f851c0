//! How long certificates are good for yet.

use std::path::{Path, PathBuf};

use x509_parser::{pem::Pem, time::ASN1Time};

use super::{Finding, Verdict, finding};
use crate::config::Config;

/// One that ends sooner is worth a note, in days.
const SOON: i64 = 30;

/// A finding for each certificate file that the configuration names.
pub fn certificates(config: &Config) -> Vec<Finding> {
    let named: [(&str, &PathBuf); 6] = [
        ("tls.certificate", &config.tls.certificate),
        ("tls.client_ca", &config.tls.client_ca),
        ("ovn.ovn_nb_certificate", &config.ovn.ovn_nb_certificate),
        ("ovn.ovn_nb_ca_cert", &config.ovn.ovn_nb_ca_cert),
        ("ovn.ovn_sb_certificate", &config.ovn.ovn_sb_certificate),
        ("ovn.ovn_sb_ca_cert", &config.ovn.ovn_sb_ca_cert),
    ];
    let named = named.into_iter().filter(|(_, path)| !path.as_os_str().is_empty());
    named.map(|(key, path)| judge(key, path, ASN1Time::now())).collect()
}

fn judge(key: &str, path: &Path, now: ASN1Time) -> Finding {
    let name = "certificate";
    match ends(path, now) {
        Err(why) => finding(name, Err(format!("{key}: {}: {why}", path.display()))),
        Ok((days, end)) => {
            let verdict = if days < SOON { Verdict::Note } else { Verdict::Ok };
            let detail = format!("{key}: {} is good until {end}, {days} days", path.display());
            Finding { name: name.to_owned(), verdict, detail }
        }
    }
}

/// The days until the first certificate of a file ends, and when that is.
fn ends(path: &Path, now: ASN1Time) -> Result<(i64, String), String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let mut first: Option<ASN1Time> = None;
    for pem in Pem::iter_from_buffer(&text) {
        let pem = pem.map_err(|error| format!("is no PEM file: {error}"))?;
        // A file may hold its private key too.
        if pem.label != "CERTIFICATE" {
            continue;
        }
        let certificate = pem.parse_x509().map_err(|error| format!("holds no certificate: {error}"))?;
        let validity = certificate.validity();
        if now < validity.not_before {
            return Err(format!("is good only from {}", validity.not_before));
        }
        if validity.not_after < now {
            return Err(format!("has ended on {}", validity.not_after));
        }
        first = Some(first.map_or(validity.not_after, |first| first.min(validity.not_after)));
    }
    let end = first.ok_or_else(|| "holds no certificate".to_owned())?;
    Ok(((end.timestamp() - now.timestamp()) / (24 * 60 * 60), end.to_string()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn file(from: i32, to: i32) -> tempfile::NamedTempFile {
        let mut params = CertificateParams::new(vec!["weir".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let pem = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        std::fs::write(file.path(), pem).unwrap();
        file
    }

    fn at(year: i32, month: u8) -> ASN1Time {
        let seconds = date_time_ymd(year, month, 1).unix_timestamp();
        ASN1Time::from_timestamp(seconds).unwrap()
    }

    #[test]
    fn what_has_ended_or_not_begun_is_a_problem_and_what_ends_soon_a_note() {
        let good = file(2030, 2040);
        let verdict = |year, month| judge("tls.certificate", good.path(), at(year, month));
        assert_eq!(verdict(2035, 1).verdict, Verdict::Ok);
        assert_eq!(verdict(2039, 12).verdict, Verdict::Ok, "31 days");
        assert_eq!(
            judge("x", good.path(), ASN1Time::from_timestamp(at(2039, 12).timestamp() + 3 * 86_400).unwrap())
                .verdict,
            Verdict::Note
        );
        let ended = verdict(2041, 1);
        assert_eq!(ended.verdict, Verdict::Problem);
        assert!(
            ended.detail.contains("tls.certificate") && ended.detail.contains("has ended"),
            "{}",
            ended.detail
        );
        assert!(verdict(2029, 1).detail.contains("only from"));
        let nothing = tempfile::NamedTempFile::new().unwrap();
        assert!(judge("x", nothing.path(), at(2035, 1)).detail.contains("no certificate"));
        assert_eq!(judge("x", Path::new("/nowhere"), at(2035, 1)).verdict, Verdict::Problem);
    }
}
