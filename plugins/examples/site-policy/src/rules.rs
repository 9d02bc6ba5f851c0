//! The rules that hold for a project, and what they refuse.
//!
//! A refusal names the field and its value, what would be allowed, and to the operator the place of the rule.

use std::fmt::Display;
use std::net::IpAddr;

use weir_guest::{Member, Refusal};

use crate::cidr::Cidr;
use crate::config::Written;
use crate::ports::Ports;

/// Items of a list that are named in a sentence.
const NAMED: usize = 20;

/// One rule, and where it is written.
#[derive(Debug, Clone, Copy)]
struct Rule<'a, T> {
    value: T,
    key: &'static str,
    /// Empty: in general.
    project: &'a str,
}

/// The rules for one project.
#[derive(Debug)]
pub struct Rules<'a> {
    ports: Option<Rule<'a, &'a [Ports]>>,
    denied_ports: Option<Rule<'a, &'a [Ports]>>,
    member_cidrs: Option<Rule<'a, &'a [Cidr]>>,
    denied_member_cidrs: Option<Rule<'a, &'a [Cidr]>>,
    max_members: Option<Rule<'a, u32>>,
}

impl<'a> Rules<'a> {
    /// What is said of the project, else what is said in general.
    pub fn of(general: &'a Written, project: Option<(&'a String, &'a Written)>) -> Rules<'a> {
        fn pick<'a, T>(
            key: &'static str,
            general: &'a Written,
            project: Option<(&'a String, &'a Written)>,
            read: impl Fn(&'a Written) -> Option<T>,
        ) -> Option<Rule<'a, T>> {
            let own = project.and_then(|(id, rules)| Some(Rule { value: read(rules)?, key, project: id }));
            own.or_else(|| Some(Rule { value: read(general)?, key, project: "" }))
        }
        Rules {
            ports: pick("ports", general, project, |r| r.ports.as_deref()),
            denied_ports: pick("denied_ports", general, project, |r| r.denied_ports.as_deref()),
            member_cidrs: pick("member_cidrs", general, project, |r| r.member_cidrs.as_deref()),
            denied_member_cidrs: pick("denied_member_cidrs", general, project, |r| {
                r.denied_member_cidrs.as_deref()
            }),
            max_members: pick("max_members", general, project, |r| r.max_members),
        }
    }

    /// Whether a listener may have a port.
    pub fn port(&self, port: u16) -> Result<(), Refusal> {
        let field = "listener.protocol_port";
        if let Some(rule) = &self.denied_ports
            && let Some(hit) = rule.value.iter().find(|ports| ports.contain(port))
        {
            let user = format!(
                "a listener at port {port} is not allowed here: {hit} is denied; choose another port"
            );
            return Err(rule.refusal("port-denied", field, user, rule.value));
        }
        if let Some(rule) = &self.ports
            && !rule.value.iter().any(|ports| ports.contain(port))
        {
            let user =
                format!("a listener at port {port} is not allowed here; choose one of {}", list(rule.value));
            return Err(rule.refusal("port-not-allowed", field, user, rule.value));
        }
        Ok(())
    }

    /// Every member that is not allowed, with its index.
    ///
    /// Where there are too many, each is one too many: which of them is new only the host knows, and it hands on what
    /// concerns a new one. Disabled members are not counted, so that one that is only being prepared harms nobody.
    pub fn members(&self, members: &[Member]) -> Vec<(u32, Refusal)> {
        let enabled = members.iter().filter(|m| m.enabled).count();
        let too_many = self.max_members.as_ref().filter(|rule| enabled > rule.value as usize).map(|rule| {
            let most = rule.value;
            let user = format!(
                "a pool has at most {most} enabled members here, and this one would have {enabled}; \
                 remove or disable {}",
                enabled - most as usize
            );
            rule.refusal("too-many-members", "pool.members", user, &[most])
        });
        (0u32..)
            .zip(members)
            .filter_map(|(index, member)| {
                let why =
                    self.address(member).err().or_else(|| too_many.clone().filter(|_| member.enabled))?;
                Some((index, why))
            })
            .collect()
    }

    fn address(&self, member: &Member) -> Result<(), Refusal> {
        if self.member_cidrs.is_none() && self.denied_member_cidrs.is_none() {
            return Ok(());
        }
        let (field, text) = ("member.address", &member.address);
        // The host has read it before; what is no address is in no network.
        let address = text.parse::<IpAddr>().ok();
        let inside = |cidr: &&Cidr| address.is_some_and(|address| cidr.contains(address));
        if let Some(rule) = &self.denied_member_cidrs
            && let Some(hit) = rule.value.iter().find(inside)
        {
            let user =
                format!("a member at {text} is not allowed here: {hit} is denied; choose another address");
            return Err(rule.refusal("member-address-denied", field, user, rule.value));
        }
        if let Some(rule) = &self.member_cidrs
            && !rule.value.iter().any(|cidr| inside(&cidr))
        {
            let user =
                format!("a member at {text} is not allowed here; choose an address in {}", list(rule.value));
            return Err(rule.refusal("member-address-not-allowed", field, user, rule.value));
        }
        Ok(())
    }
}

impl<T> Rule<'_, T> {
    fn refusal(&self, code: &str, field: &str, user: String, value: &[impl Display]) -> Refusal {
        let place =
            if self.project.is_empty() { String::new() } else { format!("projects.{}.", self.project) };
        Refusal::new(code, field, user).operator(format!(
            "site-policy: {place}{} is {}",
            self.key,
            list(value)
        ))
    }
}

/// The first of a list, in words.
fn list(items: &[impl Display]) -> String {
    let mut text: Vec<_> = items.iter().take(NAMED).map(ToString::to_string).collect();
    if items.len() > NAMED {
        text.push(format!("and {} more", items.len() - NAMED));
    }
    text.join(", ")
}
