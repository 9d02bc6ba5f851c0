"""A private MariaDB with the databases of Keystone, Neutron and Octavia, made by their own migrations, and Keystone's first
accounts (kept between runs)."""

import os
import pathlib
import string
import subprocess

import mariadb
import stack as stack_module

HERE = pathlib.Path(__file__).parent
VENV = stack_module.ROOT / ".weir/neutron"
KEPT = stack_module.ROOT / ".weir/neutron-kept"
PASSWORD = "secret"


class Database(mariadb.MariaDb):
    migrated = KEPT / "data"
    # Other versions have other migrations; other accounts are other rows.
    sources = (HERE / "requirements.txt", mariadb.stack_module.HERE / "requirements.txt", pathlib.Path(__file__))

    def url_of(self, name):
        return self.url.replace("/octavia?", f"/{name}?")

    def keystone_configuration(self, folder):
        template = string.Template((HERE / "keystone.conf").read_text())
        path = folder / "keystone.conf"
        path.write_text(template.substitute(database=self.url_of("keystone"), keys=KEPT / "keys"))
        return path

    def _migrate(self):
        super()._migrate()
        for name in ("keystone", "neutron"):
            self.query(f"create database {name} character set utf8mb4", database=None)
        neutron = self._folder / "neutron-migrate.conf"
        neutron.write_text(f"[database]\nconnection = {self.url_of('neutron')}\n[DEFAULT]\ncore_plugin = ml2\n")
        keystone = self.keystone_configuration(self._folder)
        for name in ("fernet", "credential"):
            (KEPT / "keys" / name).mkdir(parents=True, exist_ok=True)
        with open(self._log, "ab") as log:
            migration = subprocess.Popen([VENV / "bin/neutron-db-manage", "--config-file", neutron, "upgrade", "heads"],
                                         stdout=log, stderr=log)
            manage = [VENV / "bin/keystone-manage", "--config-file", keystone]
            own = ["--keystone-user", str(os.getuid()), "--keystone-group", str(os.getgid())]
            url = "http://127.0.0.1:1"  # the real one is written when it is known
            for arguments in (["db_sync"], ["fernet_setup", *own], ["credential_setup", *own],
                              ["bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-region-id", "RegionOne",
                               "--bootstrap-public-url", url, "--bootstrap-internal-url", url, "--bootstrap-admin-url", url]):
                subprocess.run([*manage, *arguments], check=True, stdout=log, stderr=log)
            if migration.wait():
                raise RuntimeError(f"neutron-db-manage failed\n{self._log.read_text()[-3000:]}")
