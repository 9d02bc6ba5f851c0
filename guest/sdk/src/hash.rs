//! An algorithm that OVN carries out by a hash over fields of a connection's packets (`Load_Balancer.selection_fields`,
//! ovn-nb(5)): what all such plugins share, parameterised by [`Hash`].

use crate::{
    Context, Description, Distribution, Family, Persistence, Pool, Refusal, Share, inherited, value,
};

/// Granularities that mean one client, which is all that OVN can tell apart.
const ONE_CLIENT: &[&str] = &["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"];

/// Octavia's algorithms with what is hashed for each.
///
/// ```
/// use weir_guest::{Algorithm, Context, Description, Distribution, Member, Plugin, Pool, Refusal};
/// use weir_guest::hash::{self, Affinity, Hash, Hashed};
///
/// const HASH: Hash = Hash {
///     name: "plumage",
///     version: "1.2.3",
///     algorithms: &[Hashed { word: "PLUMAGE", fields: &["eth_src"], fields_of_ipv6: &[] }],
///     fallback: false,
///     affinity: Some(Affinity { kind: "NEST", option: "nest_timeout", default_s: 360, longest_s: 65_535 }),
/// };
///
/// struct Plumage;
///
/// impl Plugin for Plumage {
///     fn describe() -> Description {
///         HASH.describe()
///     }
/// }
///
/// impl Algorithm for Plumage {
///     fn distribute(ctx: &Context, pool: Option<&Pool>, members: &[Member]) -> Result<Distribution, Refusal> {
///         hash::distribute(&HASH, ctx, pool, weir_guest::shares_by_weight(members))
///     }
/// }
///
/// weir_guest::export_algorithm!(Plumage);
/// # weir_testkit::conformance(&weir_testkit::Native::algorithm::<Plumage>(), weir_testkit::Depth::Full, "").assert_ok();
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Hash {
    /// The plugin's name.
    pub name: &'static str,
    /// The plugin's version.
    pub version: &'static str,
    /// What is served, the default first.
    pub algorithms: &'static [Hashed],
    /// Whether the default is also that of a listener without pool.
    pub fallback: bool,
    /// How a client can be kept with its member, if at all.
    pub affinity: Option<Affinity>,
}

/// One algorithm.
#[derive(Debug, Clone, Copy)]
pub struct Hashed {
    /// Octavia's word, as in `pool.lb_algorithm`.
    pub word: &'static str,
    /// What is hashed.
    pub fields: &'static [&'static str],
    /// What is hashed besides where a VIP is of IPv6 and the schema has the field: older ones do not.
    pub fields_of_ipv6: &'static [&'static str],
}

/// Session persistence by an option of the load balancer.
#[derive(Debug, Clone, Copy)]
pub struct Affinity {
    /// Octavia's word, as in `pool.session_persistence.type`.
    pub kind: &'static str,
    /// The key of `Load_Balancer.options` that takes the seconds.
    pub option: &'static str,
    /// Seconds, where the user named none.
    pub default_s: u32,
    /// Most seconds.
    pub longest_s: u32,
}

impl Hash {
    /// The plugin's description, of a plugin without configuration.
    pub fn describe(&self) -> Description {
        Description {
            fallback: self.fallback,
            options: self.affinity.iter().map(|a| a.option.into()).collect(),
            ..Description::of_algorithms(self.name, self.version, &self.words())
        }
    }

    fn words(&self) -> Vec<&'static str> {
        self.algorithms.iter().map(|a| a.word).collect()
    }
}

/// Hashes by what the pool asks for, or without a pool by the default, and gives the members these shares.
///
/// # Errors
/// Refused: an algorithm, or a persistence, that is not served.
pub fn distribute(
    hash: &Hash,
    ctx: &Context,
    pool: Option<&Pool>,
    shares: Vec<Share>,
) -> Result<Distribution, Refusal> {
    let default = hash.algorithms.first().map_or("", |a| a.word);
    let asked = pool.map_or(default, |p| &p.algorithm);
    let Some(algorithm) = hash.algorithms.iter().find(|a| a.word == asked) else {
        let (code, field) = ("unsupported-algorithm", "pool.lb_algorithm");
        return Err(Refusal::unsupported(code, field, "balance by", asked, &hash.words()));
    };
    let mut fields = algorithm.fields.to_vec();
    if ctx.vips.iter().any(|v| v.family == Family::Ipv6) {
        let known = |field: &&&str| {
            ctx.capabilities.iter().any(|c| c.strip_prefix("selection-field:") == Some(**field))
        };
        fields.extend(algorithm.fields_of_ipv6.iter().filter(known));
    }
    let options = match pool.and_then(|p| p.persistence.as_ref()) {
        None => vec![],
        Some(persistence) => vec![affinity(ctx, hash.affinity, persistence)?],
    };
    Ok(Distribution { selection_fields: fields.into_iter().map(Into::into).collect(), options, shares })
}

/// The option that keeps a client with its member, and its seconds.
fn affinity(ctx: &Context, can: Option<Affinity>, asked: &Persistence) -> Result<(String, String), Refusal> {
    let Some(can) = can.filter(|can| can.kind == asked.kind) else {
        let kinds: Vec<_> = can.iter().map(|can| can.kind).collect();
        let (code, field) = ("unsupported-persistence", "pool.session_persistence.type");
        return Err(Refusal::unsupported(
            code,
            field,
            "keep a client with its member by",
            &asked.kind,
            &kinds,
        ));
    };
    // What an earlier version accepted stays without effect, as it was.
    if let Some(name) = value(&asked.extra, "cookie_name")
        && !inherited(ctx, "persistence.cookie_name")
    {
        return Err(Refusal::new(
            "unsupported-cookie-name",
            "pool.session_persistence.cookie_name",
            format!(
                "OVN keeps a client with its member by {} and reads no cookies, so it cannot honour a cookie_name of {name}; \
                 leave it unset",
                can.kind
            ),
        ));
    }
    if let Some(granularity) = value(&asked.extra, "persistence_granularity")
        && !ONE_CLIENT.iter().any(|one| one.eq_ignore_ascii_case(granularity))
    {
        return Err(Refusal::new(
            "unsupported-persistence-granularity",
            "pool.session_persistence.persistence_granularity",
            format!(
                "OVN cannot keep clients of {granularity} together; choose {} or leave it unset",
                ONE_CLIENT.join(" or ")
            ),
        ));
    }
    let (seconds, longest) = (asked.timeout_s.unwrap_or(can.default_s), can.longest_s);
    if (1..=longest).contains(&seconds) {
        Ok((can.option.into(), seconds.to_string()))
    } else {
        Err(Refusal::new(
            "invalid-persistence-timeout",
            "pool.session_persistence.persistence_timeout",
            format!("OVN cannot keep a client with its member for {seconds} s; choose 1 to {longest} s"),
        ))
    }
}
