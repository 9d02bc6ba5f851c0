"""A private MariaDB with Octavia's database, made by Octavia's own migrations (kept between runs)."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pymysql
import stack as stack_module

MARIADB = stack_module.ROOT / ".weir/mariadb"
MIGRATED = stack_module.ROOT / ".weir/mariadb-octavia"


def is_here():
    """Whether the script `mariadb` has unpacked it."""
    return (MARIADB / "usr/sbin/mariadbd").exists()


class MariaDb:
    """`url` is what Octavia needs. Everything lives in one temporary folder and ends with `stop`."""

    # Where the migrated database is kept, and what makes it another one.
    migrated = MIGRATED
    sources = (stack_module.HERE / "requirements.txt",)

    def __init__(self):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-mariadb-"))
        self._data = self._folder / "mariadb"
        self._socket = self._folder / "mariadb.sock"
        self._log = self._folder / "mariadb.log"
        self._process = None
        self.url = f"mysql+pymysql://root@localhost/octavia?unix_socket={self._socket}&charset=utf8mb4"

    def _command(self, *more):
        command = [MARIADB / "usr/sbin/mariadbd", "--no-defaults", f"--basedir={MARIADB}/usr", f"--datadir={self._data}",
                   "--skip-grant-tables", "--skip-networking", f"--socket={self._socket}", "--innodb-log-file-size=16M",
                   f"--pid-file={self._folder}/mariadb.pid", f"--tmpdir={self._folder}", *more]
        return command + (["--user=root"] if os.getuid() == 0 else [])

    def _environment(self):
        [libraries] = (MARIADB / "usr/lib").glob("*-linux-gnu")
        path = os.environ.get("LD_LIBRARY_PATH")
        return {**os.environ, "LD_LIBRARY_PATH": f"{libraries}:{path}" if path else str(libraries)}

    def start(self):
        try:
            if self._is_current():
                shutil.copytree(self.migrated, self._data)
            else:
                self._make_migrated()
            self._serve()
        except BaseException:
            self.stop()
            raise
        return self

    def _is_current(self):
        """Another Octavia has further migrations."""
        newest = max(source.stat().st_mtime for source in self.sources)
        return self.migrated.exists() and self.migrated.stat().st_mtime >= newest

    def _make_migrated(self):
        self._bootstrap()
        self._serve()
        self._migrate()
        self._end()
        self.migrated.parent.mkdir(exist_ok=True)
        new = pathlib.Path(tempfile.mkdtemp(dir=self.migrated.parent)) / "data"
        shutil.copytree(self._data, new)
        shutil.rmtree(self.migrated, ignore_errors=True)
        os.rename(new, self.migrated)
        os.utime(self.migrated)  # the copy has its original's
        os.rmdir(new.parent)

    def _bootstrap(self):
        self._data.mkdir()
        share = MARIADB / "usr/share/mysql"
        statements = "create database mysql;\nuse mysql;\n" + "".join(
            (share / f"{name}.sql").read_text() for name in ("mysql_system_tables", "mysql_system_tables_data"))
        with open(self._log, "ab") as log:
            subprocess.run(self._command("--bootstrap"), input=statements.encode(), stdout=log, stderr=log, check=True,
                           env=self._environment())

    def _serve(self):
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                             start_new_session=True, env=self._environment())
        stack_module.wait_for("mariadbd", self._answers, self._process, self._log)

    def _answers(self):
        try:
            self.query("select 1", database=None)
        except pymysql.err.OperationalError:
            return False
        return True

    def query(self, statement, database="octavia"):
        connection = pymysql.connect(unix_socket=str(self._socket), user="root", database=database, autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall()

    def _migrate(self):
        self.query("create database octavia character set utf8mb4", database=None)
        configuration = self._folder / "migrate.conf"
        configuration.write_text(f"[database]\nconnection = {self.url}\n")
        with open(self._log, "ab") as log:
            subprocess.run([stack_module.VENV / "bin/octavia-db-manage", "--config-file", configuration, "upgrade", "head"],
                           check=True, stdout=log, stderr=log)

    def stop(self):
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self):
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
