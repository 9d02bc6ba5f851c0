"""OpenStack Octavia provider driver of Weir.

Reads Octavia's configuration (section ``[weir]``) and the objects that Octavia hands to a provider driver; writes HTTP
requests to a Weir host. It keeps no state beside idle connections, never logs a body, and never sends certificates or
private keys.

=========  ==================================================================
driver     the methods of octavia-lib's ``ProviderDriver``
body       Octavia's objects as the host gets them
client     one call: hosts in turn, retries, what to do after a time-out
transport  connections: Unix socket, TCP, TLS; kept alive, safe across fork
errors     what the host answers, as octavia-lib's exceptions
config     the options of ``[weir]``
db_sync    the plugin of neutron-ovn-db-sync-util; only Neutron loads it
defaults   the values of octavia.conf that Octavia fills in for users
=========  ==================================================================
"""
