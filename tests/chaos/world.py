"""A shop's whole backend on servers of its own: PostgreSQL, Redis, Kafka, the stream's workers and the jobs' worker."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.chaos.kafka import Apache, Embedded, Kafka, best_kafka
from tests.chaos.workers import Worker
from tests.devservices.kafka_servers import why_no_apache
from tests.fraud.outages.servers import PostgresServer, RedisServer

TENANT = "kivendtout"
MERCHANTS, PRODUCTS = 40, 50
# The lowest that Kafka's brokers allow: a killed worker's partitions move in seconds, so that many kills fit in a run.
SESSION_SECONDS = 6
START_SECONDS = 120.0


def _kafka(wanted: str, folder: Path) -> tuple[Kafka, str]:
    if wanted == "best":
        return best_kafka(folder)
    return (Apache(folder), "") if wanted == "apache" else (Embedded(folder), "Apache Kafka was not asked for")


class World:
    def __init__(self, *, kafka: str, workers: int, customers: int) -> None:
        self.customers = customers
        if kafka == "apache" and (reason := why_no_apache()):
            raise SystemExit(f"{reason}. Install it, or leave --kafka out for the embedded broker.")
        self.folder = Path(tempfile.mkdtemp(prefix="kvt-chaos-"))
        (self.folder / "redis").mkdir()
        self.postgres = PostgresServer(durable=True)
        self.redis = RedisServer(self.folder / "redis")
        self.kafka, self.no_apache = _kafka(kafka, self.folder)
        self.env = self._environment()
        self.stream = [Worker(f"stream-{n}", "stream", self.env, self.folder) for n in range(1, workers + 1)]
        self.jobs = Worker("jobs", "jobs", self.env, self.folder)

    @property
    def workers(self) -> list[Worker]:
        return [*self.stream, self.jobs]

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.postgres.url,
            "DATABASE_OWNER_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "KEYRING_FILE": str(self.folder / "keyring.json"),
            "KEYRING_AUTOCREATE": "true",
            "SECRET_KEY": "of-this-run-only-and-of-no-use-elsewhere",
            "STATE_NAMESPACE": "",
            "STREAM_SESSION_SECONDS": str(SESSION_SECONDS),
            "DJANGO_SETTINGS_MODULE": "kivendtout.settings",
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, say: Callable[[str], None]) -> None:
        say(f"Kafka: {self.kafka.name}" + (f" ({self.no_apache})." if self.no_apache else "."))
        self.kafka.start()
        self.redis.start()
        self.postgres.start()
        with self.postgres.connect("postgres") as admin:
            admin.execute("CREATE DATABASE outage")
        say("Servers run; making the tables.")
        self._connect_ourselves()
        self._people_and_goods()
        say("The shop is open; starting the workers.")
        for worker in self.workers:
            worker.start()
        self.wait_for("the workers", lambda: all(one.says("stream_started") for one in self.stream))

    def _connect_ourselves(self) -> None:
        """From here on this process is one of the world's: its settings are read once."""
        os.environ.update(self.env)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)

    def _people_and_goods(self) -> None:
        from apps.compliance.models import Tenant
        from apps.customers.models import Customer
        from apps.fraud.services.rule_files import ruleset_install
        from apps.fraud.state.live_state import live_state
        from apps.payments.models import Merchant, Product
        from kivendtout.lib.clock import now
        from kivendtout.lib.kafka import ensure_topics
        from kivendtout.lib.tenancy import tenant_scope

        # The policy and the rules that raise the most alerts, so that there are many to count.
        tenant = Tenant.objects.create(slug=TENANT, name="KiVendTout", alert_policy="points")
        long_ago = now() - timedelta(days=400)
        with tenant_scope(tenant.pk):
            ruleset_install(tenant=tenant, name="kivendtout-original", now=now())
            Customer.objects.bulk_create(
                Customer(tenant=tenant, external_id=f"C{n:05d}", country="FR", registered_at=long_ago)
                for n in range(self.customers)
            )
            Merchant.objects.bulk_create(
                Merchant(tenant=tenant, external_id=f"M{n:03d}", name=f"Shop {n}", country="FR", mcc="5732")
                for n in range(MERCHANTS)
            )
            Product.objects.bulk_create(
                Product(tenant=tenant, external_id=f"P{n:04d}", name=f"Thing {n}", category="home", unit_price="9.90",
                        currency_id="EUR", created_at=long_ago)
                for n in range(PRODUCTS)
            )  # fmt: skip
        live_state().state.mark_warm(tenant.pk)  # it has no past yet
        ensure_topics()

    def wait_for(self, what: str, done: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Waited {seconds:.0f} s for {what} in vain; the logs are in {self.folder}.")
            time.sleep(0.2)

    def stop(self, *, keep: bool) -> None:
        for worker in self.workers:
            worker.kill()
        for server in (self.kafka.stop, self.redis.kill, self.postgres.remove):
            server()
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
