"""The plugin of neutron-ovn-db-sync-util (entry point group ``neutron.ovn.db_sync``): has a Weir host do what ``weir sync`` does.

Only Neutron loads this module, and it brings neutron-lib. The host's address is that of section ``[weir]`` in the file that
``--weir-octavia_config_file`` names, else in Neutron's own configuration, else in octavia.conf where Octavia looks for it.
"""

import logging

from neutron_lib.ovn import constants as ovn_const
from neutron_lib.ovn import db_sync
from oslo_config import cfg

from weir_octavia import config
from weir_octavia import transport

LOG = logging.getLogger(__name__)

# Seconds for a sync: each load balancer is read from Octavia's driver-agent, which takes a tenth of a second or more.
SYNC_TIMEOUT = 3600.0
OPTIONS = [
    cfg.MultiStrOpt("octavia_config_file", default=[], help="File with section [weir], whose `urls` name the Weir hosts."),
]


class SyncFailed(RuntimeError):
    """No host did it, or not for all load balancers."""


class WeirSynchronizer(db_sync.BaseOvnDbSynchronizer):
    """Mode ``log`` is a dry run; ``repair`` and ``migrate`` put load balancers right, and raise where that fails."""

    _required_mechanism_drivers = ["ovn-sync"]
    # After Neutron's own: load balancers are attached to the networks that those write.
    _sync_order = 1000
    # Which plugin has synced in this process: they are registered under two names, and Neutron runs all that are installed.
    _synced_by = None

    def __init__(self, core_plugin, ovn_driver, mode, is_maintenance=False, plugin_conf=None):
        # Earlier releases of neutron-lib know no plugin_conf.
        super().__init__(core_plugin, ovn_driver, mode, is_maintenance)
        self.plugin_conf = plugin_conf

    @classmethod
    def register_additional_cli_opts(cls, conf):
        conf.register_cli_opts(OPTIONS, group=config.GROUP)

    @classmethod
    def register_plugin_config_opts(cls, conf):
        config.register(conf)

    @classmethod
    def get_plugin_config_files(cls, global_conf):
        return list(global_conf[config.GROUP].octavia_config_file)

    def do_sync(self):
        if self.mode == ovn_const.OVN_DB_SYNC_MODE_OFF:
            return
        if WeirSynchronizer._synced_by not in (None, type(self)):
            LOG.info("%s has synced Weir's load balancers already", WeirSynchronizer._synced_by.__name__)
            return
        WeirSynchronizer._synced_by = type(self)
        dry_run = self.mode == ovn_const.OVN_DB_SYNC_MODE_LOG
        try:
            _log(_sync(_settings(self.plugin_conf), dry_run), dry_run)
        except SyncFailed as error:
            if not dry_run:
                raise
            LOG.error("%s", error)


def _settings(plugin_conf):
    """The options of [weir], from where they are set first."""
    for conf in (plugin_conf, cfg.CONF):
        if conf is not None:
            config.register(conf)
            if conf.get_location("urls", config.GROUP).location.is_user_controlled:
                return config.settings(conf)
    octavia = cfg.ConfigOpts()
    config.register(octavia)
    try:
        octavia(args=[], project="octavia")
    except cfg.Error as error:
        raise SyncFailed(f"octavia.conf cannot be read: {error}; set [weir] urls in Neutron's configuration") from error
    return config.settings(octavia)


def _sync(settings, dry_run):
    """The report of the first host that can be connected to. Raises SyncFailed."""
    faults = []
    for url in settings.urls:
        try:
            host = transport.Host(url, settings)
            path = f"/v1/sync?dry_run={'true' if dry_run else 'false'}&remove_leaked=false"
            status, answer = host.request("POST", path, timeout=SYNC_TIMEOUT, fresh=True)
        except transport.NotSent as fault:
            faults.append(f"{url}: {fault}")
            continue
        except (transport.NoAnswer, transport.WrongSetting) as fault:
            raise SyncFailed(f"weir sync: {url}: {fault}") from fault
        host.close()
        if status == 200 and isinstance(answer, dict):
            return answer
        told = answer if isinstance(answer, dict) else {}
        raise SyncFailed(f"weir sync: {url}: {status}: {told.get('operator_fault_string') or told.get('user_fault_string')}")
    raise SyncFailed(f"weir sync: no Weir host can be connected to: {'; '.join(faults) or 'urls is empty'}")


def _log(report, dry_run):
    """Says what was found. Raises SyncFailed where a load balancer could not be synced."""
    lines = report.get("loadbalancers") or []
    failed = 0
    for line in lines:
        found, outcome = line.get("id"), line.get("outcome")
        if outcome == "repaired":
            LOG.warning("load balancer %s: %s, %s operations", found, "differs from Octavia" if dry_run else "repaired",
                        line.get("operations"))
        elif outcome in ("failed", "busy"):
            failed += 1
            LOG.error("load balancer %s: %s: %s", found, outcome, line.get("why"))
        elif outcome != "in-order":
            LOG.warning("load balancer %s: %s", found, outcome)
    for port in report.get("ports") or []:
        LOG.warning("port %s: %s", port.get("name"), port.get("outcome"))
    LOG.info("weir sync: %d load balancers compared with Octavia%s", len(lines), " (nothing was changed)" if dry_run else "")
    if failed:
        raise SyncFailed(f"weir sync: {failed} of {len(lines)} load balancers could not be compared with Octavia")
