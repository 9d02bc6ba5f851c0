"""Octavia reads the octavia.conf that the plugin has written and loads its provider. Usage: read_octavia.py OCTAVIA.CONF SOCKET"""

import sys

from octavia.api.drivers import driver_factory
from octavia.common import config
from oslo_config import cfg

file, socket = sys.argv[1:]
config.init(["--config-file", file])
settings = cfg.CONF.api_settings
name = next(name for name, text in settings.enabled_provider_drivers.items() if name in ("ovn", "weir"))
assert settings.default_provider_driver in settings.enabled_provider_drivers, settings.default_provider_driver
driver = driver_factory.get_driver(name)
assert type(driver).__name__ == "WeirProviderDriver", driver
assert cfg.CONF.weir.urls == [f"unix://{socket}"], cfg.CONF.weir.urls
assert "ovn" not in cfg.CONF.driver_agent.enabled_provider_agents or name != "ovn"
print(f"octavia.conf: Octavia loads provider {name}, default {settings.default_provider_driver}")
