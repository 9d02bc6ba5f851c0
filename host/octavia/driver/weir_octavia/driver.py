"""The provider driver that Octavia loads (entry point ``octavia.api.drivers``)."""

from octavia_lib.api.drivers import provider_base
from oslo_config import cfg

from weir_octavia import body
from weir_octavia import client
from weir_octavia import config
from weir_octavia import defaults
from weir_octavia import errors
from weir_octavia import transport

try:
    from oslo_context import context as oslo_context
except ImportError:  # Octavia brings it; another caller may not.
    oslo_context = None


class WeirProviderDriver(provider_base.ProviderDriver):
    """Forwards every call to a Weir host.

    Octavia makes an object for every request and calls it inside its own database transaction, so the constructor does
    no I/O; connections live in the process, not in the object. Every method raises octavia-lib's exceptions only.
    """

    def __init__(self):
        super().__init__()
        config.register(cfg.CONF)

    def _call(self, method, **arguments):
        settings = config.settings(cfg.CONF)
        try:
            host = client.shared(settings)
        except transport.WrongSetting as error:
            raise errors.wrong_setting(method, str(error)) from error
        return host.call(method, body.plain(arguments), _request_id(), defaults.header(cfg.CONF))

    # Load balancer

    def create_vip_port(self, loadbalancer_id, project_id, vip_dictionary, additional_vip_dicts):
        """Returns (VIP, additional VIPs), or raises NotImplementedError: then Octavia makes the port."""
        answer = self._call(
            "create_vip_port",
            loadbalancer_id=loadbalancer_id,
            project_id=project_id,
            vip_dictionary=vip_dictionary,
            additional_vip_dicts=additional_vip_dicts or [],
        )
        try:
            vip, additional_vips = answer["result"]
        except (KeyError, TypeError, ValueError) as error:
            raise errors.wrong_result("create_vip_port") from error
        return vip, additional_vips

    def loadbalancer_create(self, loadbalancer):
        self._call("loadbalancer_create", loadbalancer=loadbalancer)

    def loadbalancer_delete(self, loadbalancer, cascade=False):
        self._call("loadbalancer_delete", loadbalancer=loadbalancer, cascade=bool(cascade))

    def loadbalancer_failover(self, loadbalancer_id):
        self._call("loadbalancer_failover", loadbalancer_id=loadbalancer_id)

    def loadbalancer_failover_with_flavor(self, loadbalancer_id, flavor_id):
        # octavia-lib has it since 3.12.
        self._call("loadbalancer_failover_with_flavor", loadbalancer_id=loadbalancer_id, flavor_id=flavor_id)

    def loadbalancer_update(self, old_loadbalancer, new_loadbalancer):
        self._call("loadbalancer_update", old_loadbalancer=old_loadbalancer, new_loadbalancer=new_loadbalancer)

    # Listener

    def listener_create(self, listener):
        self._call("listener_create", listener=listener)

    def listener_delete(self, listener):
        self._call("listener_delete", listener=listener)

    def listener_update(self, old_listener, new_listener):
        self._call("listener_update", old_listener=old_listener, new_listener=new_listener)

    # Pool

    def pool_create(self, pool):
        self._call("pool_create", pool=pool)

    def pool_delete(self, pool):
        self._call("pool_delete", pool=pool)

    def pool_update(self, old_pool, new_pool):
        self._call("pool_update", old_pool=old_pool, new_pool=new_pool)

    # Member

    def member_create(self, member):
        self._call("member_create", member=member)

    def member_delete(self, member):
        self._call("member_delete", member=member)

    def member_update(self, old_member, new_member):
        self._call("member_update", old_member=old_member, new_member=new_member)

    def member_batch_update(self, pool_id, members):
        self._call("member_batch_update", pool_id=pool_id, members=members)

    # Health monitor

    def health_monitor_create(self, healthmonitor):
        self._call("health_monitor_create", healthmonitor=healthmonitor)

    def health_monitor_delete(self, healthmonitor):
        self._call("health_monitor_delete", healthmonitor=healthmonitor)

    def health_monitor_update(self, old_healthmonitor, new_healthmonitor):
        self._call("health_monitor_update", old_healthmonitor=old_healthmonitor, new_healthmonitor=new_healthmonitor)

    # L7 policy and rule

    def l7policy_create(self, l7policy):
        self._call("l7policy_create", l7policy=l7policy)

    def l7policy_delete(self, l7policy):
        self._call("l7policy_delete", l7policy=l7policy)

    def l7policy_update(self, old_l7policy, new_l7policy):
        self._call("l7policy_update", old_l7policy=old_l7policy, new_l7policy=new_l7policy)

    def l7rule_create(self, l7rule):
        self._call("l7rule_create", l7rule=l7rule)

    def l7rule_delete(self, l7rule):
        self._call("l7rule_delete", l7rule=l7rule)

    def l7rule_update(self, old_l7rule, new_l7rule):
        self._call("l7rule_update", old_l7rule=old_l7rule, new_l7rule=new_l7rule)

    # Flavor and availability zone

    def _metadata(self, method):
        result = self._call(method).get("result")
        if not isinstance(result, dict):
            raise errors.wrong_result(method)
        return result

    def get_supported_flavor_metadata(self):
        """Returns {name: description}."""
        return self._metadata("get_supported_flavor_metadata")

    def validate_flavor(self, flavor_metadata):
        self._call("validate_flavor", flavor_metadata=flavor_metadata)

    def get_supported_availability_zone_metadata(self):
        """Returns {name: description}."""
        return self._metadata("get_supported_availability_zone_metadata")

    def validate_availability_zone(self, availability_zone_metadata):
        self._call("validate_availability_zone", availability_zone_metadata=availability_zone_metadata)


def _request_id():
    """Octavia's id of the API request that this thread serves."""
    context = oslo_context.get_current() if oslo_context else None
    return getattr(context, "request_id", None)
