"""Load balancers of all shapes, as users make them: each a function of Octavia and a number."""

from networks import named

ALL = []


def shape(function):
    ALL.append(function)
    return function


class Make:
    """The objects of load balancer `n`, by short names."""

    def __init__(self, octavia, n):
        self.octavia, self.n = octavia, n
        self.lb = self.id("lb")

    def id(self, name):
        return named(f"{self.n} {name}")

    def balancer(self, **fields):
        return self.octavia.loadbalancer(self.lb, number=100 + self.n, **fields)

    def listener(self, name, port, **fields):
        if isinstance(fields.get("pool"), str):
            fields["pool"] = self.id(fields["pool"])
        return self.octavia.listener(self.id(name), self.lb, port, **fields)

    def pool(self, name, listener=None, **fields):
        return self.octavia.pool(self.id(name), self.lb, self.id(listener) if listener else None, **fields)

    def members(self, pool, *numbers, network="a", version=4, **fields):
        for number in numbers:
            name = f"{pool} {network} {version} {number} {fields.get('port', '')}"
            self.octavia.member(self.id(pool), self.id(name), network, number, version=version, **fields)

    def member(self, pool, number, network="a", version=4, port=""):
        return self.id(f"{pool} {network} {version} {number} {port}")

    def monitor(self, pool, **fields):
        self.octavia.monitor(self.id(f"{pool} monitor"), self.id(pool), **fields)

    def simple(self, protocol="TCP", version=4, network="a", port=80, members=(11, 12), **pool):
        """A listener, its pool, members."""
        self.listener("l", port, protocol=protocol)
        self.pool("p", "l", protocol=protocol, **pool)
        self.members("p", *members, network=network, version=version)
        return self


def plain(protocol, version):
    def make(m):
        m.balancer(version=version)
        m.simple(protocol, version)
    make.__name__ = f"{protocol.lower()}_ipv{version}"
    shape(make)


for _protocol in ("TCP", "UDP", "SCTP"):
    for _version in (4, 6):
        plain(_protocol, _version)


def both(protocol):
    def make(m):
        m.balancer(additional=[(150 + m.n, 6)])
        m.simple(protocol)
        m.members("p", 11, 13, version=6)
    make.__name__ = f"{protocol.lower()}_additional_vip_of_ipv6"
    shape(make)


for _protocol in ("TCP", "UDP", "SCTP"):
    both(_protocol)


@shape
def two_additional_vips(m):
    m.balancer(additional=[(150 + m.n, 4), (200 + m.n % 50, 6)])
    m.simple()


@shape
def tcp_and_udp(m):
    m.balancer()
    m.simple()
    m.listener("l2", 53, protocol="UDP")
    m.pool("p2", "l2", protocol="UDP")
    m.members("p2", 13, 14)


@shape
def three_protocols(m):
    m.balancer(additional=[(150 + m.n, 6)])
    for name, protocol in (("1", "TCP"), ("2", "UDP"), ("3", "SCTP")):
        m.listener(f"l{name}", 53, protocol=protocol)
        m.pool(f"p{name}", f"l{name}", protocol=protocol)
        m.members(f"p{name}", 11, 12)
        m.members(f"p{name}", 13, version=6)


@shape
def several_listeners_a_pool(m):
    m.balancer()
    m.simple()
    m.listener("l2", 8080, pool="p")
    m.listener("l3", 8081, pool="p")


@shape
def several_listeners_and_pools(m):
    m.balancer()
    m.simple()
    for name in "234":
        m.listener(f"l{name}", 8000 + int(name))
        m.pool(f"p{name}", f"l{name}")
        m.members(f"p{name}", 10 + int(name), 11 + int(name))


@shape
def pool_before_listener(m):
    m.balancer()
    m.pool("p")
    m.members("p", 11, 12)
    m.listener("l", 80, pool="p")


@shape
def listener_without_pool(m):
    m.balancer()
    m.listener("l", 80)


@shape
def nothing_in_it(m):
    m.balancer()


@shape
def all_gone_again(m):
    m.balancer()
    m.simple("UDP")
    m.octavia.delete_pool(m.id("p"))
    m.octavia.delete_listener(m.id("l"))


@shape
def pool_without_listener(m):
    m.balancer()
    m.pool("p")


@shape
def pool_with_members_without_listener(m):
    m.balancer()
    m.pool("p", protocol="UDP")
    m.members("p", 11, 12)


@shape
def empty_pool(m):
    m.balancer()
    m.simple(members=())


@shape
def emptied_pool(m):
    m.balancer()
    m.simple(members=(11,))
    m.octavia.delete_member(m.id("p"), m.member("p", 11))


@shape
def made_disabled(m):
    m.balancer(admin_state_up=False)
    m.simple()


@shape
def disabled_later(m):
    m.balancer()
    m.simple()
    m.octavia.update_loadbalancer(m.lb, admin_state_up=False)


@shape
def disabled_and_enabled(m):
    m.balancer()
    m.simple()
    m.octavia.update_loadbalancer(m.lb, admin_state_up=False)
    m.octavia.update_loadbalancer(m.lb, admin_state_up=True)


@shape
def disabled_listener(m):
    m.balancer()
    m.simple()
    m.listener("l2", 81, pool="p", admin_state_up=False)
    m.octavia.update_listener(m.id("l"), admin_state_up=False)


@shape
def disabled_pool(m):
    m.balancer()
    m.simple()
    m.octavia.update_pool(m.id("p"), admin_state_up=False)


@shape
def pool_made_disabled(m):
    m.balancer()
    m.listener("l", 80)
    m.pool("p", "l", admin_state_up=False)
    m.members("p", 11, 12)


@shape
def disabled_member(m):
    m.balancer()
    m.simple()
    m.members("p", 13, admin_state_up=False)
    m.octavia.update_member(m.id("p"), m.member("p", 11), admin_state_up=False)


@shape
def all_members_disabled(m):
    m.balancer()
    m.simple()
    for number in (11, 12):
        m.octavia.update_member(m.id("p"), m.member("p", number), admin_state_up=False)


@shape
def persistence(m):
    m.balancer()
    m.simple(session_persistence={"type": "SOURCE_IP"})


@shape
def persistence_with_timeout(m):
    m.balancer(version=6)
    m.simple("UDP", 6, session_persistence={"type": "SOURCE_IP", "persistence_timeout": 77})


@shape
def source_ip(m):
    m.balancer()
    m.simple(lb_algorithm="SOURCE_IP")


@shape
def source_ip_over_ipv6(m):
    m.balancer(version=6)
    m.simple("TCP", 6, lb_algorithm="SOURCE_IP")


@shape
def pools_that_disagree(m):
    m.balancer()
    m.simple()
    m.listener("l2", 81)
    m.pool("p2", "l2", lb_algorithm="SOURCE_IP")
    m.members("p2", 13)


@shape
def monitored(m):
    m.balancer()
    m.simple()
    m.monitor("p")


@shape
def monitored_udp(m):
    m.balancer()
    m.simple("UDP")
    m.monitor("p", type="UDP-CONNECT", delay=7, timeout=3, max_retries=1, max_retries_down=4)


@shape
def monitored_over_ipv6(m):
    m.balancer(version=6)
    m.simple("TCP", 6)
    m.monitor("p")


@shape
def monitored_behind_two_vips(m):
    m.balancer(additional=[(150 + m.n, 6)])
    m.simple()
    m.members("p", 13, version=6)
    m.monitor("p")


@shape
def monitored_before_its_members(m):
    m.balancer()
    m.listener("l", 80)
    m.pool("p", "l")
    m.monitor("p")
    m.members("p", 11, 12)


@shape
def monitored_with_several_listeners(m):
    m.balancer()
    m.simple()
    m.monitor("p")
    m.listener("l2", 8080)
    m.octavia.update_listener(m.id("l2"), default_pool_id=m.id("p"))


@shape
def monitored_without_listener(m):
    m.balancer()
    m.pool("p")
    m.members("p", 11, 12)
    m.monitor("p")


@shape
def monitored_without_port(m):
    m.balancer()
    m.simple(members=(11, 12, 77))
    m.monitor("p")


@shape
def two_monitors(m):
    m.balancer()
    m.simple()
    m.monitor("p")
    m.listener("l2", 81)
    m.pool("p2", "l2")
    m.members("p2", 12, 13, network="b")
    m.monitor("p2", delay=9)


@shape
def a_monitored_pool_and_another(m):
    m.balancer()
    m.simple()
    m.monitor("p")
    m.listener("l2", 81)
    m.pool("p2", "l2")
    m.members("p2", 13, 14)


@shape
def monitor_that_is_gone(m):
    m.balancer()
    m.simple()
    m.monitor("p")
    m.octavia.delete_monitor(m.id("p"))


@shape
def monitored_with_floating_ip(m):
    m.balancer(network="b")
    m.simple(network="b")
    m.monitor("p")
    m.octavia.floating_ip(m.lb, f"172.24.4.{m.n + 100}")


@shape
def floating_ip(m):
    m.balancer()
    m.simple()
    m.octavia.floating_ip(m.lb, f"172.24.4.{m.n + 100}")


@shape
def floating_ip_on_two_protocols(m):
    m.balancer()
    m.simple()
    m.octavia.floating_ip(m.lb, f"172.24.4.{m.n + 100}")
    m.listener("l2", 80, protocol="UDP")
    m.pool("p2", "l2", protocol="UDP")
    m.members("p2", 13)
    m.monitor("p2", type="UDP-CONNECT")


@shape
def floating_ips_on_all_vips(m):
    m.balancer(additional=[(150 + m.n, 4)])
    m.simple()
    m.octavia.floating_ip(m.lb, f"172.24.4.{m.n + 100}")
    m.octavia.floating_ip(m.lb, f"172.24.4.{m.n + 150}", additional=0)


@shape
def vip_on_the_provider_network(m):
    m.balancer(network="public")
    m.simple()


@shape
def two_routers(m):
    m.balancer(network="c")
    m.simple(network="c")


@shape
def members_everywhere(m):
    m.balancer()
    m.simple()
    for network in "bcde":
        m.members("p", 11, network=network)


@shape
def a_member_behind_another_router_that_left(m):
    m.balancer()
    m.simple()
    m.members("p", 15, network="d")
    m.octavia.delete_member(m.id("p"), m.member("p", 15, network="d"))


@shape
def protocols_with_members_elsewhere(m):
    m.balancer()
    m.simple()
    m.members("p", 11, network="d")
    m.listener("l2", 53, protocol="UDP")
    m.pool("p2", "l2", protocol="UDP")
    m.members("p2", 12)


@shape
def no_router(m):
    m.balancer(network="e")
    m.simple(network="e")


@shape
def many_members(m):
    m.balancer()
    m.simple(members=())
    members = [m.octavia.make_member(m.id("p"), m.id(f"m {at}"), "abcde"[at % 5], 11 + at % 8, 1000 + at) for at in range(25)]
    m.octavia.batch(m.id("p"), members)


@shape
def batches(m):
    m.balancer()
    m.simple()
    kept = m.octavia.pools[m.id("p")]["members"][m.member("p", 12)]
    more = [m.octavia.make_member(m.id("p"), m.id(f"m {at}"), "a", at) for at in (14, 15)]
    m.octavia.batch(m.id("p"), [dict(kept), *more])


def make_all(octavia):
    """All of them, in order; by name."""
    made = {}
    for n, function in enumerate(ALL, 1):
        made[function.__name__] = Make(octavia, n)
        function(made[function.__name__])
    return made
