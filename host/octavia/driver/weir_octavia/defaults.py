"""The values of octavia.conf that Octavia fills into objects whose user names none.

Octavia fills them into every listener, whatever its provider: without them a host could not tell them from a user's wish.
"""

import json

from oslo_config import cfg

# The header that holds them.
HEADER = "Weir-Octavia-Defaults"

# Object and field, and where octavia.conf has the value.
_OPTIONS = {
    "listener": {
        "timeout_client_data": ("haproxy_amphora", "timeout_client_data"),
        "timeout_member_connect": ("haproxy_amphora", "timeout_member_connect"),
        "timeout_member_data": ("haproxy_amphora", "timeout_member_data"),
        "timeout_tcp_inspect": ("haproxy_amphora", "timeout_tcp_inspect"),
        "tls_versions": ("api_settings", "default_listener_tls_versions"),
        "tls_ciphers": ("api_settings", "default_listener_ciphers"),
        "alpn_protocols": ("api_settings", "default_listener_alpn_protocols"),
    },
    "pool": {
        "tls_versions": ("api_settings", "default_pool_tls_versions"),
        "tls_ciphers": ("api_settings", "default_pool_ciphers"),
        "alpn_protocols": ("api_settings", "default_pool_alpn_protocols"),
    },
}


def header(conf):
    """The header's value, ASCII; ``None`` where this process has none of the options, as outside of Octavia."""
    values = {
        kind: {field: value for field, place in fields.items() if (value := _read(conf, *place)) is not None}
        for kind, fields in _OPTIONS.items()
    }
    values = {kind: fields for kind, fields in values.items() if fields}
    return json.dumps(values, separators=(",", ":")) if values else None


def _read(conf, group, option):
    try:
        return conf[group][option]
    except (cfg.NoSuchOptError, cfg.NoSuchGroupError):
        # An older or a newer Octavia, or another caller.
        return None
