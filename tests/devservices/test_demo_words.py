"""What `make demo` says at last: the keys, and a request that can be pasted."""

from __future__ import annotations

import json
import shlex
import subprocess

from kivendtout.devservices.demo import Ports, _welcome, curl_line
from kivendtout.devservices.demo_data import Seeded

KEY = "kvt_live_ABCDEFGH_" + "s" * 43


def test_the_request_is_one_that_a_shell_takes() -> None:
    words = shlex.split(curl_line(8000, KEY))
    assert f"Authorization: Bearer {KEY}" in words
    said = subprocess.run(
        ["sh", "-c", curl_line(8000, KEY).replace("curl ", "printf '%s\\n' ", 1)],
        capture_output=True,
        text=True,
        check=True,
    )
    payment = json.loads(said.stdout.splitlines()[-1])
    assert payment["payment_id"].removeprefix("TRY-").isdigit()


def test_the_box_shows_the_keys_and_stays_a_box() -> None:
    keys = [{"name": "Demo", "key": KEY}, {"name": "Demo, sandbox", "key": KEY.replace("live", "test")}]
    accounts = [{"role": "analyst", "email": "a@demo.example", "password": "secret"}]
    told = _welcome(Ports(8000, 8001), Seeded(accounts, keys), 12.0)
    assert KEY in told
    assert "curl -s http://localhost:8000/api/v1/score" in told.splitlines()[-1]
