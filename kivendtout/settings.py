"""Wiring only: every value that differs between machines comes from the environment (see kivendtout/env.py)."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from kivendtout import csp
from kivendtout.env import (
    BASE_DIR,
    env_bool,
    env_counts,
    env_database,
    env_hosts,
    env_http,
    env_int,
    env_list,
    env_optional,
    env_redis,
    env_str,
)
from kivendtout.unfold import UNFOLD

TESTING = "pytest" in sys.modules
# Migrations, and the tests that create their own database, need the role that owns the schema;
# the product itself runs as a role that cannot change it.
OWNER_COMMANDS = {"migrate", "makemigrations", "flush", "sqlmigrate", "dbshell"}
AS_OWNER = TESTING or env_bool("KVT_AS_OWNER", False) or (len(sys.argv) > 1 and sys.argv[1] in OWNER_COMMANDS)

DEBUG = env_bool("DEBUG", False)
SECRET_KEY = env_str("SECRET_KEY")
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
WEB_PORT = env_int("WEB_PORT", 8000)
WS_PORT = env_int("WS_PORT", 8001)
BEHIND_TLS = env_bool("BEHIND_TLS", False)
# Where browsers open sockets; behind one proxy, name its public address here.
WS_PUBLIC_URL = env_str("WS_PUBLIC_URL", "wss://{host}" if BEHIND_TLS else f"ws://{{host}}:{WS_PORT}")
CSRF_FAILURE_VIEW = "kivendtout.api_errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = env_list("CSRF_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "auditlog",
    "channels",
    "django_celery_beat",
    "django_prometheus",
    "guardian",
    "pgtrigger",
    "rest_framework",
    "kivendtout.lib.crypto",
    "apps.compliance",
    "apps.customers",
    "apps.payments",
    "apps.fraud",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "kivendtout.lib.trace.TraceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "kivendtout.csp.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.compliance.middleware.TenantMiddleware",
    "apps.compliance.middleware.AuditActorMiddleware",
    "apps.compliance.access_log.AccessLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "kivendtout.api_errors.ErrorMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

# What programs' calls go through; see kivendtout/wsgi.py. Each endpoint says for itself who may call it.
API_MIDDLEWARE = [
    "kivendtout.lib.trace.TraceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "kivendtout.api_errors.ErrorMiddleware",
]

ROOT_URLCONF = "kivendtout.urls"
WSGI_APPLICATION = "kivendtout.wsgi.application"
ASGI_APPLICATION = "kivendtout.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "kivendtout.context_processors.ui",
            ],
        },
    },
]

# --- Stores -----------------------------------------------------------------------------------------------------------
DATABASES = {"default": env_database("DATABASE_OWNER_URL" if AS_OWNER else "DATABASE_URL")}
DATABASES["default"].update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
# Values travel as bound parameters, never inside SQL text: PostgreSQL's statement log then holds no personal data.
DATABASES["default"]["OPTIONS"] |= {"server_side_binding": True, "connect_timeout": 3}
# A network that swallows packets is noticed within a minute, where the system's own limits take a quarter of an hour.
DATABASES["default"]["OPTIONS"] |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
DATABASES["default"]["OPTIONS"].setdefault("tcp_user_timeout", 30_000)
# Compiling a plan took up to 1.7 s where running it took milliseconds: our statements are short.
DATABASES["default"]["OPTIONS"].setdefault("options", "-c jit=off")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env_redis("REDIS_URL")
# Installations that share a Redis keep apart by it; tests have one of their own each time.
STATE_NAMESPACE = f"test-{secrets.token_hex(4)}-" if TESTING else env_optional("STATE_NAMESPACE") or ""
KAFKA_BOOTSTRAP_SERVERS = env_hosts("KAFKA_BOOTSTRAP_SERVERS")
# Empty for the embedded broker; a cluster worth the name asks for encryption and a sign-in.
KAFKA_SECURITY = {
    option: value
    for option, value in {
        "security_protocol": env_optional("KAFKA_SECURITY_PROTOCOL"),
        "sasl_mechanism": env_optional("KAFKA_SASL_MECHANISM"),
        "sasl_plain_username": env_optional("KAFKA_SASL_USERNAME"),
        "sasl_plain_password": env_optional("KAFKA_SASL_PASSWORD"),
        "ssl_cafile": env_optional("KAFKA_SSL_CAFILE"),
    }.items()
    if value
}
MONGODB_URI = env_optional("MONGODB_URI")
GEOIP_MMDB = env_optional("GEOIP_MMDB")  # a MaxMind file instead of the packaged country data
# Tests have a ring of their own: a key that a test destroys must not be one that seals real rows.
_KEYRING_DEFAULT = BASE_DIR / ".services" / "keys" / "keyring.json"
KEYRING_FILE = (
    _KEYRING_DEFAULT.with_name("test-keyring.json") if TESTING else Path(env_str("KEYRING_FILE", str(_KEYRING_DEFAULT)))
)

KEYRING_BACKEND = env_optional("KEYRING_BACKEND")  # dotted path of a factory, for Vault Transit or a cloud's service
KEYRING_AUTOCREATE = env_bool("KEYRING_AUTOCREATE", TESTING or DEBUG)

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "kivendtout.lib.live_layer.LiveLayer",
        # Redis's publications know no logical database: tests and a demo on one server must not hear each other.
        "CONFIG": {"hosts": [REDIS_URL], "prefix": f"{STATE_NAMESPACE}kvt"},
    }
}

CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_DEFAULT_QUEUE = "jobs"
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "celery_worker.beat:PatientScheduler"
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- People -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "compliance.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]  # tests create many people; strength is not what they test
    if TESTING
    else ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
)
ANONYMOUS_USER_NAME = None  # guardian: nobody anonymous holds object permissions here
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "activity"
LOGOUT_REDIRECT_URL = "login"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 9 * 3600  # a working day
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SECURE_SSL_REDIRECT = BEHIND_TLS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # probes speak plain HTTP to the machine itself
SECURE_HSTS_SECONDS = 31_536_000 if BEHIND_TLS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
X_FRAME_OPTIONS = "DENY"

# --- Words ------------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", _("French")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Assets -----------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"  # filled by collectstatic at set-up
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "kivendtout.static_storage.HashedStaticFilesStorage"
    },
}
CONTENT_SECURITY_POLICY = csp.policy(WS_PUBLIC_URL)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- What is watched --------------------------------------------------------------------------------------------------
LOG_LEVEL = env_str("LOG_LEVEL", "INFO")
LOGGING_CONFIG = None  # structlog renders everything; kivendtout/lib/log.py, called from apps/compliance/apps.py
AUDITLOG_LOGENTRY_MODEL = "compliance.AuditEntry"
AUDITLOG_CID_GETTER = "kivendtout.lib.trace.current_trace_id"
AUDITLOG_DISABLE_REMOTE_ADDR = True  # addresses are stored as keyed hashes, see apps.compliance.middleware
AUDITLOG_MASK_CALLABLE = "apps.compliance.audit.mask_fully"
METRICS_TOKEN = env_optional("METRICS_TOKEN")
# A stream worker that is silent for so long has died, and its partitions go to others. Not shorter by default: a
# machine that swaps, or a container that is moved, is silent for seconds. Brokers take 6 at least.
STREAM_SESSION_SECONDS = env_int("STREAM_SESSION_SECONDS", 10)
STREAM_METRICS_HOST = env_str("STREAM_METRICS_HOST", "127.0.0.1")
STREAM_METRICS_PORT = env_int("STREAM_METRICS_PORT", 0)  # 0: a stream worker serves no metrics
PROMETHEUS_EXPORT_MIGRATIONS = False
SILENCED_SYSTEM_CHECKS = [
    "guardian.W001",  # the object backend is there; guardian looks for it before our user model loads
]

# --- API --------------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "kivendtout.api_errors.exception_handler",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

# --- Domain defaults --------------------------------------------------------------------------------------------------
# Name: partitions. As many workers as partitions can share a topic; a grown topic moves customers to other partitions.
TOPICS = env_counts(
    "KAFKA_TOPIC_PARTITIONS",
    {
        "payments": 6,
        "orders": 3,
        "user-events": 6,
        "cart-events": 3,
        "decisions": 6,
        "fraud-alerts": 3,
        "labels": 3,
    },
)
# All of it is stored with us too, and most of it is personal data: no longer than somebody may need to read it again.
TOPIC_RETENTION_HOURS = env_counts(
    "KAFKA_TOPIC_RETENTION_HOURS",
    {
        "payments": 168,  # a week: an outage over a long weekend, and the days to mend what it left
        "orders": 168,  # as long as the payments that they wait for
        "user-events": 72,  # the bulk of the bytes; three days cover a weekend
        "cart-events": 72,  # a cart older than that explains no payment
        "decisions": 168,  # a partner that was down for a week catches up
        "fraud-alerts": 168,  # as the decisions they come from
        "labels": 336,  # few; a training job that runs once a week may fail once
    },
)
# A month, longer than any topic: a person has to look at them, and that person may be on holiday.
DEAD_LETTER_RETENTION_HOURS = env_int("KAFKA_DEAD_LETTER_RETENTION_HOURS", 720)
# Copies of each partition. -1 is the cluster's own default: three on one worth the name, one on a laptop.
KAFKA_REPLICATION = env_int("KAFKA_REPLICATION", -1)
# `https://user:password@host` of a Confluent-compatible schema registry: topics then speak Avro, JSON is still read.
SCHEMA_REGISTRY_URL = env_http("SCHEMA_REGISTRY_URL")
DEMO_TENANT = "kivendtout"
# Feature matrices that backtests have exported; may be deleted at any time.
FEATURE_CACHE = env_str("FEATURE_CACHE", str(BASE_DIR / ".services" / "features"))
# Where a local MLflow registry keeps its file. Without a server's address the registry is local; `off`: none.
SCORERS_DIR = env_str("SCORERS_DIR", str(BASE_DIR / ".services" / "scorers"))
# A candidate is trained so often, and proposed; 0: only when somebody asks.
RETRAIN_EVERY_DAYS = env_int("RETRAIN_EVERY_DAYS", 7)
# What `fraud.scan_logs` reads beside the audit trail: lines of the web process, and of PostgreSQL.
ACCESS_LOG_FILE = env_optional("ACCESS_LOG_FILE")
DATABASE_LOG_FILE = env_optional("DATABASE_LOG_FILE")
MLFLOW_TRACKING_URI = "off" if TESTING else env_optional("MLFLOW_TRACKING_URI")
DEMO = env_bool("DEMO", False)  # says so on the screen, changes nothing else

UNFOLD = UNFOLD
