"""`make help`."""

from __future__ import annotations

TARGETS = {
    "demo": "Set up everything, load demo data and run the whole product here until Ctrl-C.",
    "setup": "Make the Python environment and fetch the server programs that are missing.",
    "services": "Start PostgreSQL, Redis and Kafka under .services (KAFKA=apache BROKERS=3 for Apache Kafka).",
    "stop": "Stop the services, and a demo, that were started from this folder.",
    "test": 'Set up, start the services and run every test (ARGS="tests/payments -k month" for some).',
    "check": "Run the linters, the type checker, the import rules, the template and migration checks.",
    "bench": "Measure load, generation, encryption and query plans on this machine.",
    "chaos": 'Kill everything a hundred times under load, then count (ARGS="--kills 20 --minutes 4").',
    "lock": "Resolve the dependencies again and rewrite requirements/ (needs several minutes).",
    "help": "Show this list.",
}
VARIABLES = {
    "PYTHON": "the Python to use (3.11 or newer)",
    "WEB_PORT, WS_PORT": "the demo's ports for pages and for sockets (8000, 8001)",
    "DATABASE_URL, REDIS_URL, KAFKA_BOOTSTRAP_SERVERS": "servers of your own instead of the embedded ones",
}


def text() -> str:
    lines = ["make demo shows the product; make test proves it. All targets:", ""]
    lines += [f"  make {name:<10} {sentence}" for name, sentence in TARGETS.items()]
    lines += ["", "Variables:", ""]
    lines += [f"  {name}: {meaning}" for name, meaning in VARIABLES.items()]
    return "\n".join(lines)
