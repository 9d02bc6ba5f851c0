//! Signatures of components: minisign's (Ed25519), and those that `cosign sign-blob` or openssl make (ECDSA P-256).

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minisign_verify::{PublicKey, Signature};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

/// What a public key of ECDSA P-256 begins with in DER (RFC 5480); 65 bytes of an uncompressed point follow.
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// A public key whose signatures count.
#[derive(Clone)]
enum Key {
    Minisign(Box<PublicKey>),
    /// The point.
    P256(Vec<u8>),
}

/// Whose signatures count.
#[derive(Clone, Default)]
pub(crate) struct Keys(Vec<Key>);

impl Keys {
    /// From their text forms: minisign's one line, or PEM.
    pub fn parse(texts: &[String]) -> Result<Keys, String> {
        texts.iter().map(|text| key(text)).collect::<Result<_, _>>().map(Keys)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a component's file has a signature of one of the keys beside it: `FILE.minisig` or `FILE.sig`.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn verify(&self, file: &Path, bytes: &[u8]) -> Result<(), String> {
        let [minisig, sig] = signature_files(file);
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let (minisign, plain) = (read(&minisig), read(&sig));
        if minisign.is_none() && plain.is_none() {
            return Err(format!("it has no signature: neither {} nor {}", minisig.display(), sig.display()));
        }
        let of_minisign = minisign.and_then(|text| Signature::decode(&text).ok());
        let of_p256 = plain.and_then(|text| STANDARD.decode(text.trim()).ok());
        let good = self.0.iter().any(|key| match key {
            // Legacy signatures, which are not of a hash, are as good.
            Key::Minisign(key) => of_minisign.as_ref().is_some_and(|s| key.verify(bytes, s, true).is_ok()),
            Key::P256(point) => of_p256.as_ref().is_some_and(|signature| {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(bytes, signature).is_ok()
            }),
        });
        if good {
            Ok(())
        } else {
            Err("its signature is of none of the trusted keys, or of another file".into())
        }
    }
}

/// Where a component's signatures may stand.
pub(crate) fn signature_files(file: &Path) -> [PathBuf; 2] {
    ["minisig", "sig"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(".");
        name.push(end);
        PathBuf::from(name)
    })
}

fn key(text: &str) -> Result<Key, String> {
    let bad = |why: &str| format!("trusted key {:?} is not one: {why}", crate::state::clip(text.trim(), 80));
    if let Some(body) = text.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END)) {
        let body: String = body.split_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| bad("its PEM is damaged"))?;
        let point = der.strip_prefix(P256).filter(|point| point.len() == 65);
        return point
            .map(|p| Key::P256(p.to_vec()))
            .ok_or_else(|| bad("only ECDSA P-256 keys are known in PEM"));
    }
    // The file that minisign writes has a comment in front.
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    let key = PublicKey::from_base64(line).map_err(|_| bad("expected minisign's RW... or PEM"))?;
    Ok(Key::Minisign(Box::new(key)))
}
