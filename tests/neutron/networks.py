"""The networks of the tests, made through Neutron's API: public (flat, external, 172.24.4.0/24) and private (10.10.10.0/24 and
fd00:10::/64), a router between them, server ports on private."""


class Networks:
    def __init__(self, cloud):
        admin, tenant = cloud.admin, cloud.tenant
        self.public = admin.make("network", name="public", shared=True, **{
            "router:external": True, "provider:network_type": "flat", "provider:physical_network": "public"})["id"]
        self.public_subnet = admin.make(
            "subnet", network_id=self.public, ip_version=4, cidr="172.24.4.0/24", gateway_ip="172.24.4.1", enable_dhcp=False)["id"]
        self.private = tenant.make("network", name="private")["id"]
        self.private_subnet = tenant.make(
            "subnet", network_id=self.private, ip_version=4, cidr="10.10.10.0/24", gateway_ip="10.10.10.254")["id"]
        self.private_v6 = tenant.make(
            "subnet", network_id=self.private, ip_version=6, cidr="fd00:10::/64", gateway_ip="fd00:10::1",
            ipv6_address_mode="slaac", ipv6_ra_mode="slaac")["id"]
        self.router = tenant.make("router", name="router")["id"]
        tenant.router("add", self.router, self.private_subnet)
        tenant.change("router", self.router, external_gateway_info={"network_id": self.public})
        self._tenant = tenant

    def server(self, address, network=None, subnet=None):
        """A server's port."""
        return self._tenant.make(
            "port", network_id=network or self.private,
            fixed_ips=[{"subnet_id": subnet or self.private_subnet, "ip_address": address}])
