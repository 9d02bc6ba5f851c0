"""The plugin of neutron-ovn-db-sync-util under the name of ovn-octavia-provider's."""

from weir_octavia.db_sync import WeirSynchronizer


class OctaviaOvnSynchronizer(WeirSynchronizer):
    """The same as ``weir_sync``; of the two, the one that Neutron runs first does the work."""
