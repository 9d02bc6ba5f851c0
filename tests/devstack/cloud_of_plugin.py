"""The cloud of tests/neutron (Keystone, Neutron, Octavia, its driver-agent, OVN) with the octavia.conf and the weir.toml that
DevStack's plugin writes. Weir is started with the plugin's command line; `weir check` must find no problem, and the
OpenStack client's commands for a load balancer of provider `ovn` must lead to its row."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "neutron"), str(HERE.parent / "octavia/real")]

import api  # noqa: E402
import cloud as cloud_module  # noqa: E402
import networks as networks_module  # noqa: E402
import stack as stack_module  # noqa: E402

PHASES = ["stack pre-install", "stack install", "stack post-config", "stack extra"]
COMMANDS = [
    "loadbalancer create --name test --vip-network-id public --provider ovn",
    "loadbalancer listener create --name test-listener --protocol TCP --protocol-port 64015 test",
    "loadbalancer pool create --name test-pool --protocol TCP --lb-algorithm SOURCE_IP_PORT --listener test-listener",
    "loadbalancer member create --name test-member --address 10.10.10.10 --protocol-port 63015 test-pool",
]


class PluginCloud(cloud_module.Cloud):
    def __init__(self):
        super().__init__()
        self._devstack = self.folder / "devstack"
        self.provider = self._devstack / "run/weir/provider.sock"
        self.configuration = self._devstack / "etc/weir/weir.toml"

    def _configure_octavia(self, name, weir=None):
        """One file for all of Octavia, as in DevStack: what the plugin makes of one that names no provider."""
        path = self._devstack / "etc/octavia/octavia.conf"
        if not path.exists():
            path.parent.mkdir(parents=True)
            text = super()._configure_octavia(name, weir).read_text()
            text = re.sub(r"(enabled_provider_drivers|default_provider_driver) = .*\n", "", text)
            path.write_text(re.sub(r"\[weir\]\n(?:.+\n?)*", "", text))
            self._run_plugin()
        return path

    def _run_plugin(self):
        settings = {"WEIR_BIN": self.binary, "OVN_NB_REMOTE": self.nb, "OVN_SB_REMOTE": self.sb,
                    "KEYSTONE_SERVICE_URI": self.keystone_url.removesuffix("/v3"), "SERVICE_PASSWORD": cloud_module.PASSWORD}
        (self._devstack / "localrc").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        subprocess.run([HERE / "phases", self._devstack, *PHASES], check=True)
        self._calls = (self._devstack / "calls").read_text().splitlines()

    def start_weir(self, wait=True):
        """What DevStack does when the plugin calls create_service_user and run_process."""
        assert "create_service_user weir admin" in self._calls, self._calls
        admin = api.Account(self.keystone_url, "admin", "admin")
        weir = api.Account(self.keystone_url, "weir", "service")  # It has the role service.
        admin.announced = {"identity": self.keystone_url}
        [role] = admin.get("identity", "roles", name="admin")["roles"]
        admin.ask("PUT", "identity", f"projects/{weir.project}/users/{weir.user}/roles/{role['id']}")
        [command] = [call.split()[2:] for call in self._calls if call.startswith("run_process weir ")]
        process = self.launch("weir", command)
        if wait:
            stack_module.wait_for("weir", self.weir_is_ready, process, self.log("weir"), seconds=120)

    def write_client_clouds(self):
        auth = {"auth_url": self.keystone_url, "username": "tenant", "password": cloud_module.PASSWORD, "project_name": "tenant",
                "user_domain_name": "Default", "project_domain_name": "Default"}
        (self.folder / "clouds.yaml").write_text(json.dumps({"clouds": {"weir": {"auth": auth, "region_name": "RegionOne"}}}))


def check(cloud):
    """`weir check` with the plugin's file."""
    done = subprocess.run([cloud.binary, "check", "--config", cloud.configuration, "-o", "json"], capture_output=True, text=True)
    findings = json.loads(done.stdout)["findings"]
    for finding in findings:
        print(f"  {finding['verdict']:8} {finding['name']:22} {finding['detail'][:100]}")
    assert done.returncode == 0, done.stdout


def main():
    print("Starting a cloud with the plugin's octavia.conf and weir.toml ...", flush=True)
    cloud = PluginCloud()
    try:
        cloud.start()
        networks = networks_module.Networks(cloud)
        networks.server("10.10.10.10")
        cloud.write_client_clouds()
        print("$ weir check")
        check(cloud)
        for command in COMMANDS:
            print(f"$ openstack {command}", flush=True)
            cloud.openstack(*command.split())
            [balancer] = cloud.tenant.get("load-balancer", "loadbalancers")["loadbalancers"]
            cloud.tenant.wait_active(balancer["id"])
        assert balancer["provider"] == "ovn", balancer
        [row] = cloud.rows(balancer["id"])
        print(f"vips: {row['vips']}")
        assert row["vips"] == {f"{balancer['vip_address']}:64015": "10.10.10.10:63015"}, row
        # Weir has made the VIP's port, with the plugin's credentials.
        [port] = cloud.admin.ports(device_id=f"lb-{balancer['id']}")
        assert port["device_owner"] == "ovn-lb:vip", port
        cloud.tenant.remove(balancer["id"])
        assert not cloud.rows(balancer["id"])
        print("$ weir check")
        check(cloud)
        print("cloud: the plugin's configuration serves the whole life of a load balancer")
    finally:
        cloud.stop()


# What runs is ended also when this is.
signal.signal(signal.SIGTERM, signal.default_int_handler)
os.environ.setdefault("WEIR_BINARY", str(stack_module.ROOT / "target/debug/weir"))
main()
