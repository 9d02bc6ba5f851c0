"""Load balancers of the tests, and how they stand in the Northbound."""


def serving(tenant, subnet, address, listener=None, pool=None, **fields):
    """A load balancer with a listener on port 80 and one member on port 8080 of `subnet`; its id. The VIP is on the same
    subnet, unless `fields` name another."""
    members = [{"address": address, "protocol_port": 8080, "subnet_id": subnet}]
    pool = {"name": "p", "protocol": "TCP", "lb_algorithm": "SOURCE_IP_PORT", "members": members, **(pool or {})}
    listeners = [{"protocol": "TCP", "protocol_port": 80, "default_pool": pool, **(listener or {})}]
    if not any(field.startswith("vip_") for field in fields):
        fields["vip_subnet_id"] = subnet
    lb = tenant.balance("loadbalancers", listeners=listeners, **fields)["id"]
    tenant.wait_active(lb)
    return lb


def fronts(cloud, lb):
    """What the load balancer answers on."""
    return {vip for row in cloud.rows(lb) for vip in row["vips"]}


def router_has(cloud, router, lb):
    return f"neutron-{router}" in _with(cloud, "logical_router", lb)


def switches_with(cloud, lb):
    return _with(cloud, "logical_switch", lb)


def _with(cloud, table, lb):
    [row] = cloud.rows(lb)
    return {one["name"] for one in cloud.rows(table=table) if row["_uuid"] in _as_list(one["load_balancer"])}


def _as_list(value):
    return [value] if isinstance(value, str) else value
