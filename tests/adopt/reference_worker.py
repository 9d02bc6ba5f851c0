"""The reference driver in a process of its own. A line of JSON asks for a call, a line answers with what it raised, and with
the statuses it had for Octavia. Its queue's thread is left out: every request is done before the call returns."""

import json
import logging
import sys
import traceback

from octavia_lib.api.drivers import data_models
import openstack
from oslo_config import cfg

import networks
import northbound

MODELS = {"loadbalancer": data_models.LoadBalancer, "listener": data_models.Listener, "pool": data_models.Pool,
          "member": data_models.Member, "healthmonitor": data_models.HealthMonitor}


def model(kind, fields):
    """An object of octavia-lib with its children."""
    fields = dict(fields)
    for key, of in (("listeners", "listener"), ("pools", "pool"), ("members", "member")):
        if key in fields:
            fields[key] = [model(of, one) for one in fields[key]]
    for key in ("healthmonitor",):
        if fields.get(key):
            fields[key] = model(key, fields[key])
    return MODELS[kind](**fields)


class Octavia:
    """What the reference asks the driver-agent: the state that came with the call."""

    state = {}
    statuses = []

    def _find(self, kind, of):
        for one in self.state.get(kind + "s", []):
            if one[f"{kind}_id"] == of:
                return one
        return None

    def get_loadbalancer(self, of):
        found = self._find("loadbalancer", of)
        if not found:
            return None
        # Its children are plain dicts there.
        shallow = model("loadbalancer", {key: value for key, value in found.items() if key not in ("listeners", "pools")})
        shallow.pools, shallow.listeners = found["pools"], found["listeners"]
        return shallow

    def get_pool(self, of):
        found = self._find("pool", of)
        return model("pool", found) if found else None

    def get_listener(self, of):
        found = self._find("listener", of)
        return model("listener", found) if found else None

    def update_loadbalancer_status(self, status):
        self.statuses.append(status)


def build(remote, path):
    from octavia_lib.api.drivers import driver_lib
    driver_lib.DriverLibrary = Octavia
    from ovn_octavia_provider.common import clients, config
    config.register_opts()
    cfg.CONF([], project="octavia")
    cfg.CONF.set_override("ovn_nb_connection", [remote], group="ovn")
    neutron = networks.Neutron(northbound.Client(path), openstack.exceptions.ResourceNotFound)
    clients.get_neutron_client = lambda: neutron
    from ovn_octavia_provider import driver as reference
    made = reference.OvnProviderDriver()

    def at_once(request):
        helper = made._ovn_helper
        status = helper._lb_request_func_maps[request["type"]](request["info"])
        if status:
            helper._update_status_to_octavia(status)

    made._ovn_helper.add_request = at_once
    return made


def floating_ip(driver, port, address, action):
    """The event of a floating IP on a VIP port."""
    helper = driver._ovn_helper
    rows = helper.ovn_nbdb_api.db_find_rows("Logical_Switch_Port", ("name", "=", port)).execute(check_error=True)
    helper.vip_port_update_handler(rows[0], address, action)


def run(driver, question):
    method, arguments = question["method"], question["arguments"]
    if method == "floating_ip":
        return floating_ip(driver, **arguments)
    converted = {}
    for name, value in arguments.items():
        kind = name.removeprefix("old_").removeprefix("new_")
        if kind in MODELS:
            value = model(kind, value)
        elif name == "members":
            value = [model("member", one) for one in value]
        converted[name] = value
    if method.endswith("_update") and method != "member_batch_update":
        # Their parameters are named otherwise here and there.
        kind = next(iter(arguments)).removeprefix("old_")
        return getattr(driver, method)(converted[f"old_{kind}"], converted[f"new_{kind}"])
    return getattr(driver, method)(*converted.values())


def main():
    remote, path = sys.argv[1:3]
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    driver = build(remote, path)
    answers = sys.stdout
    sys.stdout = sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        Octavia.state, Octavia.statuses[:] = question["state"], []
        answer = {}
        try:
            answer["result"] = run(driver, question)
        except Exception as raised:
            answer["raised"] = f"{type(raised).__name__}: {raised}\n{traceback.format_exc()}"
        answers.write(json.dumps({**answer, "statuses": Octavia.statuses}, default=str) + "\n")
        answers.flush()


main()
