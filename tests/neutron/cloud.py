"""A small cloud: Keystone, Neutron (ML2/OVN), Octavia with both, its driver-agent, Weir, on MariaDB and a private OVN.

Everything lives in one temporary folder (Unix sockets; the APIs on free ports of 127.0.0.1) and ends with `stop`.
"""

import json
import shutil
import string
import subprocess
import time

import api
import database as database_module
import proxy
import stack as stack_module

HERE = database_module.HERE
VENV = database_module.VENV
PASSWORD = database_module.PASSWORD
# After so many seconds a load balancer that Octavia denies is given up (900 where nobody says otherwise).
UNKNOWN_AFTER = 6


class Cloud(stack_module.Stack):
    def __init__(self):
        self._mariadb = database_module.Database()
        super().__init__(weir_environment={"WEIR_OCTAVIA_UNKNOWN_OBJECT_TIMEOUT": str(UNKNOWN_AFTER)})
        self.keystone_url = self.neutron_url = None
        self.admin = self.tenant = None
        # Weir's own way to Neutron.
        self.way = proxy.Proxy(lambda: int(self._port_file("neutron").read_text()))

    def start(self):
        try:
            self._mariadb.start()
            self._database = self._mariadb.url
            self.start_ovn()
            self._start_keystone()
            self._make_accounts()
            self.start_neutron(wait=False)
            self.start_api(wait=False)
            self.start_agent(wait=False)
            self.wait_for_neutron()
            self.start_weir()
            self.wait_for_agent()
            self.wait_for_api()
            self._announce("load-balancer", "octavia", self.api_url())
            self.tenant = api.Account(self.keystone_url, "tenant", "tenant")
            self.admin = api.Account(self.keystone_url, "admin", "admin")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        super().stop()
        self.way.stop()
        self._mariadb.stop()

    def write_network(self):
        """Neutron writes it; it puts routers' gateways on a chassis."""
        subprocess.run(["ovn-sbctl", f"--db={self.sb}", "chassis-add", "gateway", "geneve", "127.0.0.1", "--",
                        "set", "chassis", "gateway", "hostname=gateway", "other_config:ovn-bridge-mappings=public:br-ex",
                        "other_config:ovn-cms-options=enable-chassis-as-gw"], check=True)

    # Keystone

    def _start_keystone(self):
        configuration = self._mariadb.keystone_configuration(self.folder)
        self.keystone_url = f"http://127.0.0.1:{self._start('keystone', configuration)}/v3"

    def _start(self, name, configuration, wait=True, **environment):
        self._port_file(name).unlink(missing_ok=True)
        process = self.launch(name, [VENV / "bin/python", "-P", HERE / "run_openstack.py", name, configuration, self._port_file(name)],
                              **environment)
        if wait:
            stack_module.wait_for(name, self._port_file(name).exists, process, self.log(name))
            return self._port_file(name).read_text()
        return None

    def _make_accounts(self):
        admin = api.Account(self.keystone_url, "admin", "admin")
        admin.announced = {"identity": self.keystone_url}
        self._mariadb.query(f"update endpoint set url = '{self.keystone_url}'", database="keystone")
        roles = {role["name"]: role["id"] for role in admin.get("identity", "roles")["roles"]}
        for name in ("load-balancer_member", "service"):
            if name not in roles:
                roles[name] = admin.post("identity", "roles", role={"name": name})["role"]["id"]
        service = admin.post("identity", "projects", project={"name": "service", "domain_id": "default"})["project"]["id"]
        for name, role in (
                ("neutron", "admin"), ("octavia", "admin"), ("weir", "service"), ("weir-by-password", "service")):
            self._make_user(admin, name, service, [roles[role]])
        tenant = admin.post("identity", "projects", project={"name": "tenant", "domain_id": "default"})["project"]["id"]
        self._make_user(admin, "tenant", tenant, [roles["member"], roles["load-balancer_member"]])
        self._credential(service)

    def _make_user(self, admin, name, project, roles):
        user = {"name": name, "password": PASSWORD, "domain_id": "default"}
        user = admin.post("identity", "users", user=user)["user"]["id"]
        for role in roles:
            admin.ask("PUT", "identity", f"projects/{project}/users/{user}/roles/{role}")

    def _credential(self, service):
        """Weir has an application credential; octavia and neutron have passwords."""
        weir = api.Account(self.keystone_url, "weir", "service")
        weir.announced = {"identity": self.keystone_url}
        body = {"name": "weir", "secret": "credential-secret"}
        made = weir.post("identity", f"users/{weir.user}/application_credentials", application_credential=body)
        self.credential = made["application_credential"]["id"]

    def _announce(self, kind, name, url):
        admin = api.Account(self.keystone_url, "admin", "admin")
        admin.announced = {"identity": self.keystone_url}
        service = admin.post("identity", "services", service={"type": kind, "name": name})["service"]["id"]
        for interface in ("public", "internal", "admin"):
            admin.post("identity", "endpoints", endpoint={
                "service_id": service, "interface": interface, "region_id": "RegionOne", "url": url})

    # Neutron

    def start_neutron(self, wait=True):
        directory = self.folder / "neutron-temporary"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        template = string.Template((HERE / "neutron.conf").read_text())
        configuration = self.folder / "neutron.conf"
        configuration.write_text(template.substitute(
            database=self._mariadb.url_of("neutron"), directory=self.folder, keystone=self.keystone_url, nb=self.nb, sb=self.sb,
            paste=VENV / "etc/neutron/api-paste.ini"))
        self._start("neutron", configuration, wait=False, OSLO_SERVICE_BACKEND="threading", ASGI_WORKERS="1",
                    TMPDIR=str(directory))
        if wait:
            self.wait_for_neutron()

    def wait_for_neutron(self):
        first = self.neutron_url is None
        stack_module.wait_for("neutron", self._port_file("neutron").exists, self._processes["neutron"], self.log("neutron"), 120)
        self.neutron_url = f"http://127.0.0.1:{self._port_file('neutron').read_text()}"
        if first:
            self._announce("network", "neutron", self.neutron_url)

    def repair_by_neutron(self):
        """Neutron's own tool, which makes the Northbound what Neutron's database says."""
        self._sync_by_neutron("repair", [])

    def sync_by_neutron(self, mode):
        """The same with the plugins of Weir's wheels; what the tool has logged."""
        return self._sync_by_neutron(mode, ["--weir-octavia_config_file", self.folder / "api.conf"], PYTHONPATH=str(VENV / "weir"))

    def _sync_by_neutron(self, mode, arguments, **environment):
        log = self.log("sync-by-neutron")
        log.unlink(missing_ok=True)
        self.launch("sync-by-neutron", [VENV / "bin/neutron-ovn-db-sync-util", "--config-file", self.folder / "neutron.conf",
                                        "--ovn-neutron_sync_mode", mode, *arguments], **environment)
        assert self.wait_until_ended("sync-by-neutron", 180) == 0, log.read_text()[-3000:]
        return log.read_text()

    def revoke_tokens_of(self, user):
        """All its tokens are bad from now on: Keystone forgets them when a user is disabled."""
        admin = api.Account(self.keystone_url, "admin", "admin")
        [identity] = [one["id"] for one in admin.get("identity", "users", name=user)["users"]]
        for enabled in (False, True):
            admin.ask("PATCH", "identity", f"users/{identity}", {"user": {"enabled": enabled}})
        # Keystone counts whole seconds: a token of the same second would be bad too.
        time.sleep(1.5)

    def restart_weir_by_password(self):
        """With a user and password, key by key, instead of clouds.yaml and an application credential."""
        self.end("weir")
        settings = {"cloud": "", "auth_url": self.keystone_url, "username": "weir-by-password", "password": PASSWORD,
                    "user_domain_name": "Default", "project_name": "service", "project_domain_name": "Default",
                    "region_name": "RegionOne", "interface": "internal"}
        self.start_weir(**{f"WEIR_NEUTRON_{key.upper()}": value for key, value in settings.items()})

    # Octavia and Weir

    def _configure_octavia(self, name, weir=None):
        options = {"urls": f"unix://{self.provider}", **(weir or {})}
        template = string.Template((HERE / "octavia.conf").read_text())
        path = self.folder / f"{name}.conf"
        path.write_text(template.substitute(
            database=self._database, directory=self.folder, keystone=self.keystone_url,
            weir="\n".join(f"{option} = {value}" for option, value in options.items())))
        return path

    def _prepare_database(self):
        """The migrated one has it all."""

    def start_weir(self, wait=True, name="weir", listen=(), **more):
        clouds = self.folder / "clouds.yaml"
        clouds.write_text(json.dumps({"clouds": {"weir": {
            "auth_type": "v3applicationcredential", "region_name": "RegionOne", "interface": "internal",
            "auth": {"auth_url": self.keystone_url, "application_credential_id": self.credential,
                     "application_credential_secret": "credential-secret"}}}}))
        super().start_weir(wait, name, listen, **{
            "WEIR_NEUTRON_CLOUD": "weir", "WEIR_NEUTRON_ENDPOINT_OVERRIDE": self.way.url, "OS_CLIENT_CONFIG_FILE": str(clouds), **more})
