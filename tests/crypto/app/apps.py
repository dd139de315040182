from django.apps import AppConfig


class CryptoTestsConfig(AppConfig):
    name = "tests.crypto.app"
    label = "crypto_tests"
