"""ovn-bgp-agent's own watchers of Load_Balancer on a Northbound, in a process of their own. The agent behind them only writes
down what it is to announce and to withdraw: a line of JSON each. Arguments: remote, ids of routers that are on its chassis."""

import json
import sys

from ovn_bgp_agent.drivers.openstack.watchers import nb_bgp_watcher
from ovsdbapp.backend.ovs_idl import connection, event, idlutils


class Agent:
    """Called with a row for what is to be done about it."""

    chassis = "chassis"

    def __init__(self, routers, write):
        self.ovn_local_cr_lrps = {router: {} for router in routers}
        self.names = {}
        self._write = write

    def __getattr__(self, action):
        # A row as it was has the columns alone that have changed.
        return lambda row: self._write({
            "action": action, "lb": self.names.get(row.uuid), "vips": sorted(getattr(row, "vips", {}))})


class Idl(connection.OvsdbIdl):
    def __init__(self, remote, agent):
        helper = idlutils.get_schema_helper(remote, "OVN_Northbound")
        helper.register_table("Load_Balancer")
        super().__init__(remote, helper)
        self._agent = agent
        self._handler = event.RowEventHandler()
        self._handler.watch_events([nb_bgp_watcher.OVNLBCreateEvent(agent), nb_bgp_watcher.OVNLBDeleteEvent(agent)])

    def notify(self, kind, row, updates=None):
        self._agent.names[row.uuid] = row.name
        self._handler.notify(kind, row, updates)


def main():
    remote, *routers = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr

    def write(line):
        answers.write(json.dumps(line) + "\n")
        answers.flush()

    connection.Connection(Idl(remote, Agent(routers, write)), 30).start()
    write({"action": "started"})
    sys.stdin.read()


main()
