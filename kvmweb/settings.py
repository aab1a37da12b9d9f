"""Django settings, built from the typed KVMWEB_* object; nothing else reads the environment."""

from __future__ import annotations

import hashlib
from typing import Any

from kvmweb import database
from kvmweb.env import BASE_DIR, Env
from kvmweb.logging import configure_logging
from kvmweb.secret import secret_key

KVMWEB = Env()

SECRET_KEY = secret_key(KVMWEB.home)
DEBUG = KVMWEB.debug
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *KVMWEB.public_hosts, *KVMWEB.allowed_hosts]
CSRF_TRUSTED_ORIGINS = KVMWEB.public_origins
FORCE_SCRIPT_NAME = KVMWEB.prefix or None

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "ninja",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "vms",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "kvmweb.middleware.SecurityHeadersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "kvmweb.middleware.LanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "kvmweb.middleware.DutyMiddleware",
    "kvmweb.middleware.TurnsMiddleware",
]

ROOT_URLCONF = "kvmweb.urls"
ASGI_APPLICATION = "kvmweb.asgi.application"

TEMPLATES: list[dict[str, Any]] = [  # Any: Django's own shape of this setting
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vms.web.context.frame",
            ],
            "libraries": {"kvmweb": "vms.web.templatetags.kvmweb"},
        },
    },
]

DATABASES = {
    "default": database.settings(KVMWEB.database_url.get_secret_value(), KVMWEB.home),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_USER_MODEL = "vms.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
if KVMWEB.ldap_url:
    from kvmweb.ldap import BACKEND, ldap_settings  # optional: see requirements-ldap.txt

    AUTHENTICATION_BACKENDS.append(BACKEND)
    globals().update(ldap_settings(KVMWEB))
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "guests"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "vms.web.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_CHANGE_EMAIL = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "login": "60/m/ip"}
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_PREVENT_ENUMERATION = True
SOCIALACCOUNT_ADAPTER = "vms.web.sso.SocialAdapter"
SOCIALACCOUNT_REQUESTS_TIMEOUT = 8
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, Any]] = {  # Any: allauth's own shape
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "SCOPE": KVMWEB.oidc_scopes,
        "APPS": [
            {
                "provider_id": "sso",
                "name": KVMWEB.oidc_name,
                "client_id": KVMWEB.oidc_client_id,
                "secret": KVMWEB.oidc_client_secret.get_secret_value(),
                "settings": {"server_url": KVMWEB.oidc_url},
            }
        ]
        if KVMWEB.oidc_url
        else [],
    }
}
ACCOUNT_UNIQUE_EMAIL = False
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_ADAPTER = "vms.web.factors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_FORMS = {
    "add_webauthn": "vms.web.forms.factors.AddPasskeyForm",
    "authenticate_webauthn": "vms.web.forms.factors.PasskeyForm",
    "login_webauthn": "vms.web.forms.factors.PasskeyLoginForm",
    "reauthenticate_webauthn": "vms.web.forms.factors.PasskeyAgainForm",
}

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
# Cookies ignore ports: two installations on one machine must not log each other out. The CSRF
# cookie may be shared: it is a random value that the form repeats, bound to nothing.
_OWN = hashlib.sha256(str(KVMWEB.home).encode()).hexdigest()[:8]
SESSION_COOKIE_NAME = f"kvmweb_session_{_OWN}"
CSRF_COOKIE_NAME = "kvmweb_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = bool(KVMWEB.public_urls) and all(
    url.startswith("https://") for url in KVMWEB.public_urls
)
if KVMWEB.public_urls:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
# Whatever ends TLS sends HSTS and redirects. A redirect of ours would go in circles behind a proxy
# that does not say how it was reached; HSTS would lock people out where the certificate is our own.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008"]
SECURE_REFERRER_POLICY = "same-origin"

LANGUAGE_CODE = "en"
# A language joins when its catalogue is whole: a page half in one and half in another helps nobody.
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_I18N = True
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "kvmweb.formats"
# Nothing sets it; cookies ignore ports, and another site on this machine may have Django's own.
LANGUAGE_COOKIE_NAME = "kvmweb_language"
USE_TZ = True
TIME_ZONE = KVMWEB.time_zone

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_IMMUTABLE_FILE_TEST = r"/(chunks|assets)/[^/]+-[0-9A-Z]{8}\."
"""What esbuild names by its contents may be kept for ever."""
WHITENOISE_AUTOREFRESH = KVMWEB.debug

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
LOGGING_CONFIG = None
configure_logging(level=KVMWEB.log_level, style=KVMWEB.log_format)
