from __future__ import annotations

from django.apps import AppConfig


class CryptoConfig(AppConfig):
    name = "kivendtout.lib.crypto"
    label = "crypto"

    def ready(self) -> None:
        from kivendtout.lib.crypto import checks, session

        session.connect_signal()
        checks.register_checks()
