//! Random questions, the same for the same seed.

use weir_guest::{
    Context, Description, Family, Health, Listener, Member, Monitor, Persistence, Pool, Share, Vip, testing,
};

use crate::octavia::{UNKNOWN, words};
use crate::question::{Question, Unit};

/// Options that a load balancer had before.
const INHERITED: &str = "listener.connection_limit persistence.cookie_name";

/// SplitMix64: small, and good enough to choose with.
#[derive(Debug, Clone)]
pub(crate) struct Chooser(u64);

impl Chooser {
    pub fn new(seed: u64) -> Chooser {
        Chooser(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 for 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn small(&mut self, bound: u16) -> u16 {
        u16::try_from(self.below(bound.into())).unwrap_or_default()
    }

    /// True so many times of a hundred.
    fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn one<T: Clone>(&mut self, list: &[T], other: T) -> T {
        let index = usize::try_from(self.below(list.len() as u64)).unwrap_or_default();
        list.get(index).cloned().unwrap_or(other)
    }

    /// Mostly one of those that are served, now and then any other.
    fn word(&mut self, served: &[String], all: &[String]) -> String {
        if self.percent(85) && !served.is_empty() {
            self.one(served, String::new())
        } else if self.percent(80) {
            self.one(all, UNKNOWN.to_owned())
        } else {
            UNKNOWN.to_owned()
        }
    }

    fn extra(&mut self) -> Vec<(String, String)> {
        if self.percent(12) {
            vec![self.one(&words().extras, (String::new(), String::new()))]
        } else {
            vec![]
        }
    }

    fn address(&mut self, floating: bool) -> (String, Family) {
        let n = self.below(250) + 1;
        // Floating IPs of IPv6 do not exist.
        if floating || self.percent(60) {
            (format!("198.51.100.{n}"), Family::Ipv4)
        } else {
            (format!("2001:db8::{n:x}"), Family::Ipv6)
        }
    }

    fn context(&mut self) -> Context {
        let mut vips = vec![];
        for _ in 0..self.below(5) {
            let floating = self.percent(20);
            let (address, family) = self.address(floating);
            if vips.iter().all(|v: &Vip| v.address != address) {
                vips.push(Vip { address, family, floating });
            }
        }
        let capabilities = if self.percent(90) { words().capabilities.clone() } else { vec![] };
        let extra =
            if self.percent(10) { vec![("inherited".to_owned(), INHERITED.to_owned())] } else { vec![] };
        Context { capabilities, vips, extra, ..testing::context(&[]) }
    }

    fn members(&mut self) -> Vec<Member> {
        let most = self.one(&[0, 1, 3, 12, 40], 3);
        (0..self.below(most + 1)).map(|_| self.member()).collect()
    }

    fn member(&mut self) -> Member {
        let (address, family) = self.address(false);
        let health = self.one(&[Health::Unknown, Health::Online, Health::Offline], Health::Unknown);
        let spread = self.small(257);
        Member {
            address,
            family,
            port: if self.percent(97) { 1 + self.small(65_535) } else { 0 },
            weight: self.one(&[1, 1, 1, 0, 2, 10, 256, spread], 1),
            backup: self.percent(15),
            enabled: self.percent(80),
            health,
            extra: self.extra(),
        }
    }

    fn shares(&mut self, members: &[Member]) -> Vec<Share> {
        let mut shares = vec![];
        for (member, _) in weir_guest::usable(members) {
            if self.percent(90) {
                let more = 1 + self.small(64);
                let copies = self.one(&[1, 1, 1, 2, more, 64], 1);
                shares.push(Share { member, copies });
            }
        }
        shares
    }

    fn listener(&mut self, of: &Description) -> Listener {
        let protocol = self.word(&of.protocols, &words().protocols);
        let allowed_cidrs = if self.percent(5) { vec!["192.0.2.0/24".to_owned()] } else { vec![] };
        let port = if self.percent(97) { 1 + self.small(65_535) } else { 0 };
        Listener { protocol, port, enabled: self.percent(85), allowed_cidrs, extra: self.extra() }
    }

    fn pool(&mut self, of: &Description) -> Pool {
        let protocol = self.word(&of.protocols, &words().protocols);
        let algorithm = self.word(&of.algorithms, &words().algorithms);
        let persistence = self.percent(30).then(|| {
            let kind = self.word(&words().persistences, &words().persistences);
            let timeout = u32::from(self.small(u16::MAX)) * 2;
            let timeout_s = self.percent(60).then_some(timeout);
            Persistence { kind, timeout_s, extra: self.extra() }
        });
        let monitor = self.percent(20).then(|| self.monitor());
        let enabled = self.percent(85);
        Pool { protocol, algorithm, persistence, monitor, enabled, extra: self.extra() }
    }

    fn monitor(&mut self) -> Monitor {
        let kind = self.word(&words().monitors, &words().monitors);
        let mut number = || 1 + u32::from(self.small(60));
        let (delay_s, timeout_s, rise, fall) = (number(), number(), number(), number());
        Monitor { kind, delay_s, timeout_s, rise, fall, enabled: self.percent(90), extra: self.extra() }
    }

    /// A question to a plugin that describes itself so, under a configuration.
    pub fn question(&mut self, of: &Description, config: &str) -> Question {
        let mut context = self.context();
        config.clone_into(&mut context.config);
        let members = self.members();
        let protocol = !of.protocols.is_empty() && (of.algorithms.is_empty() || self.percent(50));
        if !protocol {
            let pool = self.percent(92).then(|| self.pool(of));
            return Question::Distribute { context, pool, members };
        }
        match self.below(10) {
            0 => Question::CheckMembers { context, pool: self.pool(of), members },
            1 => Question::PlanMonitor { context, pool: self.pool(of), monitor: self.monitor() },
            _ => {
                let listener = self.percent(92).then(|| self.listener(of));
                // Mostly of the listener's protocol: a pool of another is refused and nothing more is seen.
                let mut pool = self.percent(92).then(|| self.pool(of));
                if let (Some(pool), Some(listener)) = (&mut pool, &listener)
                    && self.percent(80)
                {
                    pool.protocol.clone_from(&listener.protocol);
                }
                let shares = self.shares(&members);
                Question::Translate(Unit { context, listener, pool, members, shares })
            }
        }
    }
}
