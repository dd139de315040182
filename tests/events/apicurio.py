"""Apicurio Registry, which speaks Confluent's API: a real registry, fetched with Maven, in memory only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.devservices.kafka_servers import ROOT, free_port, why_no_apache

VERSION = "2.5.11.Final"
FOLDER = Path(os.environ.get("APICURIO_LIBS") or ROOT / ".services" / "tools" / f"apicurio-{VERSION}")
# 125 MB, once.
FETCH_SECONDS = 300
START_SECONDS = 90.0


def why_no_registry() -> str | None:
    """A sentence when there is none to be had here."""
    if FOLDER.is_dir():
        return None if shutil.which("java") else "Apicurio Registry needs Java, and there is no java here"
    if reason := why_no_apache():  # the same Java and the same Maven
        return reason.replace("Apache Kafka", "Apicurio Registry")
    return _fetch()


def _fetch() -> str | None:
    made = FOLDER.with_name(f"{FOLDER.name}-{os.getpid()}")
    made.mkdir(parents=True, exist_ok=True)
    get = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
    what = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
    command = ["mvn", "-q", "-B", get, f"-Dartifact={what}", f"-DoutputDirectory={made}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, cwd=made, check=False)
    except subprocess.TimeoutExpired:
        return f"Apicurio Registry could not be fetched within {FETCH_SECONDS} seconds"
    archive = next(made.glob("*.tar.gz"), None)
    if done.returncode or archive is None:
        return f"Apicurio Registry could not be fetched with Maven: {done.stdout[-300:]}"
    with tarfile.open(archive) as packed:
        packed.extractall(made, filter="data")
    archive.unlink()
    try:
        made.rename(FOLDER)
    except OSError:  # another worker was quicker
        shutil.rmtree(made)
    return None


class Apicurio:
    def __init__(self, log: Path) -> None:
        self.port, self.log = free_port(), log

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self) -> Apicurio:
        jars = f"{FOLDER}/apicurio-registry-app-{VERSION}-runner.jar:{FOLDER}/lib/*"
        options = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        command = ["java", *options, "-cp", jars, "io.quarkus.runner.GeneratedMain"]
        own = {"QUARKUS_HTTP_PORT": str(self.port), "QUARKUS_HTTP_HOST": "127.0.0.1"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Apicurio Registry did not start: {self.log.read_text()[-2000:]}")
            time.sleep(0.3)
        return self

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/subjects", timeout=2) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)
