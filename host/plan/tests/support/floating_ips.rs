//! Floating IPs of members.

use std::net::IpAddr;

use super::*;

/// The network of the other tests, with floating IPs on members' ports.
pub struct WithFloatingIps(pub BTreeMap<PortId, FloatingIp>);

impl Topology for WithFloatingIps {
    fn switch(&self, name: &str) -> Option<Switch> {
        Net.switch(name)
    }
    fn port(&self, port: PortId) -> Option<Port> {
        Net.port(port)
    }
    fn router_ports_on(&self, switch: &Switch) -> Vec<RouterPort> {
        Net.router_ports_on(switch)
    }
    fn ports_of(&self, router: &RouterRef) -> Vec<RouterPort> {
        Net.ports_of(router)
    }
    fn subnet(&self, subnet: SubnetId) -> Option<Subnet> {
        Net.subnet(subnet)
    }
    fn floating_ips(&self, port: PortId, address: &IpAddr) -> Vec<IpAddr> {
        Net.floating_ips(port, address)
    }
    fn member_floating_ips(&self, port: PortId, _: &IpAddr) -> Vec<FloatingIp> {
        self.0.get(&port).cloned().into_iter().collect()
    }
    fn router_floating_ips(&self, router: &RouterRef, address: &IpAddr) -> Vec<FloatingIp> {
        // Those of another subnet of the router.
        let IpAddr::V4(v4) = address else { return Vec::new() };
        let found = router.name == format!("neutron-{ROUTER}") && v4.octets()[1] == 20;
        found.then(|| self.0.get(&server(v4.octets()[3])).cloned()).flatten().into_iter().collect()
    }
    fn centralised_for(&self, lb: LoadBalancerId) -> Vec<FloatingIp> {
        let lb = lb.to_string();
        let marked = |floating: &&FloatingIp| {
            floating.external_ids.get(keys::CENTRALISED).is_some_and(|list| list.contains(&lb))
        };
        self.0.values().filter(marked).cloned().collect()
    }
    fn port_at(&self, _: &Switch, cidrs: &[IpNet], address: &IpAddr) -> Option<String> {
        let IpAddr::V4(v4) = address else { return None };
        cidrs.iter().any(|cidr| cidr.contains(address)).then(|| server(v4.octets()[3]).to_string())
    }
    fn source_of(&self, _: SubnetId, _: &Switch, _: bool) -> Option<IpAddr> {
        None
    }
    fn acls(&self, _: LoadBalancerId) -> Vec<ExistingAcl> {
        Vec::new()
    }
}

/// The port of the server at 10.10.10.`host`.
pub fn server(host: u8) -> PortId {
    numbered(9, u32::from(host))
}

pub fn distributed(host: u8) -> FloatingIp {
    FloatingIp {
        uuid: numbered::<PortId>(8, u32::from(host)).uuid(),
        external_mac: Some(format!("fa:16:3e:00:00:{host:02x}")),
        logical_port: Some(server(host).to_string()),
        external_ids: BTreeMap::from([
            ("neutron:fip_port_id".to_owned(), server(host).to_string()),
            ("neutron:revision_number".to_owned(), "1".to_owned()),
        ]),
    }
}

/// A load balancer with members at 10.10.10.`hosts`. It has a floating IP where its VIP's port says so, see [`Net`].
pub fn load_balancer(n: u32, hosts: &[u8], floating: bool) -> LoadBalancer {
    let vip = Vip {
        address: "10.10.10.5".parse().unwrap(),
        port_id: Some(numbered(6, 2 * n + u32::from(floating))),
        network_id: Some(id(PRIVATE)),
        subnet_id: Some(id(PRIVATE_SUBNET)),
    };
    let member = |host: &u8| {
        let member = Member {
            id: numbered(4, n * 1000 + u32::from(*host)),
            address: format!("10.10.10.{host}").parse().unwrap(),
            port: 80,
            subnet_id: Some(id(PRIVATE_SUBNET)),
            weight: 1,
            backup: false,
            admin_state_up: true,
            extra: Extra::new(),
        };
        (member.id, member)
    };
    let pool = Pool {
        id: numbered(3, n),
        protocol: "ALPHA".to_owned(),
        algorithm: "ONE".to_owned(),
        persistence: None,
        admin_state_up: true,
        members: hosts.iter().map(member).collect(),
        monitor: None,
        extra: Extra::new(),
    };
    let listener = Listener {
        id: numbered(2, n),
        protocol: "ALPHA".to_owned(),
        port: 80,
        admin_state_up: true,
        default_pool_id: Some(pool.id),
        allowed_cidrs: Vec::new(),
        extra: Extra::new(),
    };
    LoadBalancer {
        id: numbered(1, n),
        project_id: None,
        admin_state_up: true,
        vip,
        additional_vips: Vec::new(),
        listeners: BTreeMap::from([(listener.id, listener)]),
        pools: BTreeMap::from([(pool.id, pool)]),
        flavor: BTreeMap::new(),
        extra: BTreeMap::new(),
    }
}

impl WithFloatingIps {
    pub fn new(hosts: &[u8]) -> Self {
        Self(hosts.iter().map(|host| (server(*host), distributed(*host))).collect())
    }

    pub fn plan_on(&self, n: u32, lb: Option<&LoadBalancer>, redirects_backends: bool) -> Vec<Operation> {
        self.plan_with(n, lb, redirects_backends, false, MemberFloatingIps::Central)
    }

    pub fn plan_with(
        &self,
        n: u32,
        lb: Option<&LoadBalancer>,
        redirects_backends: bool,
        covered: bool,
        member_floating_ips: MemberFloatingIps,
    ) -> Vec<Operation> {
        let capabilities = Capabilities { redirects_backends, ..capabilities() };
        let (words, health) = (words(), HealthMap::new());
        let ownership = Ownership { member_floating_ips, ..ownership() };
        let around = Surroundings {
            topology: self,
            capabilities: &capabilities,
            words: &words,
            health: &health,
            ownership: &ownership,
        };
        centralise(numbered(1, n), lb, covered, around)
    }

    /// Makes it so; says how many floating IPs changed. What is right is left alone.
    pub fn reconcile(&mut self, n: u32, lb: Option<&LoadBalancer>) -> usize {
        let operations = self.plan_on(n, lb, false);
        let plan = Plan {
            lb: numbered(1, n),
            operations,
            kept: Vec::new(),
            unresolved: Vec::new(),
            without_port: Vec::new(),
            sourceless: Vec::new(),
            findings: Vec::new(),
            overlaps_with: Default::default(),
        };
        check(&plan, &[], &ownership()).unwrap();
        for operation in &plan.operations {
            let Operation::MemberFloatingIp { before, after } = operation else { panic!("{operation:?}") };
            let row = self.0.values_mut().find(|row| row.uuid == before.uuid).unwrap();
            assert_eq!(row, before);
            *row = after.clone();
        }
        assert_eq!(self.plan_on(n, lb, false), []);
        plan.operations.len()
    }

    pub fn of(&self, host: u8) -> &FloatingIp {
        &self.0[&server(host)]
    }
}

pub fn is_central(floating: &FloatingIp) -> bool {
    floating.external_mac.is_none() && floating.logical_port.is_none()
}
