"""The settings that an operator may set, as one typed object read from KVMWEB_* variables."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kvmweb import database

BASE_DIR = Path(__file__).resolve().parent.parent


class Env(BaseSettings):
    """Read KVMWEB_* from the environment; docs/settings.md explains each for operators."""

    model_config = SettingsConfigDict(
        env_prefix="KVMWEB_", extra="ignore", hide_input_in_errors=True
    )

    home: Path = BASE_DIR / "var"
    database_url: SecretStr = SecretStr("")
    libvirt_uri: str = "qemu:///system"
    public_urls: Annotated[list[str], NoDecode] = Field(default_factory=list)
    allowed_hosts: Annotated[list[str], NoDecode] = Field(default_factory=list)
    trusted_proxies: Annotated[list[str], NoDecode] = Field(default_factory=list)
    pool: str = "kvmweb"
    pool_path: Path = Path("/var/lib/libvirt/kvmweb")
    network: str = "default"
    upload_hours: float = Field(default=24.0, gt=0, le=8760)
    upload_space_gib: int = Field(default=200, ge=1)
    image_max_gib: int = Field(default=500, ge=1)
    author_urls: bool = False
    download_allow: Annotated[list[str], NoDecode] = Field(default_factory=list)
    download_deny: Annotated[list[str], NoDecode] = Field(default_factory=list)
    catalogue: Path | None = None
    embedded: bool = True
    debug: bool = False
    log_level: str = "INFO"
    log_format: str = "console"
    time_zone: str = "UTC"
    sample_interval_s: float = Field(default=2.0, ge=0.2, le=60)
    reconcile_interval_s: float = Field(default=30.0, ge=1, le=3600)
    console_max_per_user: int = Field(default=16, ge=1)
    console_max_per_vm: int = Field(default=24, ge=1, le=30)
    console_max: int = Field(default=400, ge=1)
    console_idle_minutes: float = Field(default=720, ge=0)
    console_hours: float = Field(default=0, ge=0)
    recording_days: int = Field(default=30, ge=0, le=36_500)
    recording_max_mib: int = Field(default=1024, ge=1)
    recording_max_minutes: int = Field(default=240, ge=1)
    recordings_max_mib: int = Field(default=20_480, ge=1)
    recording_free_mib: int = Field(default=1024, ge=0)
    mail_host: str = ""
    mail_port: int = Field(default=25, ge=1, le=65_535)
    mail_security: Literal["none", "starttls", "tls"] = "none"
    mail_user: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_from: str = ""
    registration: bool = False
    registration_domains: Annotated[list[str], NoDecode] = Field(default_factory=list)
    oidc_url: str = ""
    oidc_name: str = "Single sign-on"
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scopes: Annotated[list[str], NoDecode] = Field(
        default_factory=lambda: ["openid", "profile", "email"]
    )
    oidc_groups_claim: str = "groups"
    oidc_groups: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    oidc_roles: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    ldap_url: str = ""
    ldap_starttls: bool = False
    ldap_bind_dn: str = ""
    ldap_bind_password: SecretStr = SecretStr("")
    ldap_user_base: str = ""
    ldap_user_filter: str = "(uid=%(user)s)"
    ldap_group_base: str = ""
    ldap_group_filter: str = "(objectClass=groupOfNames)"
    ldap_groups: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    ldap_roles: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    audit_days: int = Field(default=365, ge=0, le=36_500)

    @field_validator(
        "public_urls",
        "allowed_hosts",
        "trusted_proxies",
        "registration_domains",
        "oidc_scopes",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("oidc_groups", "oidc_roles", "ldap_groups", "ldap_roles", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """Read "theirs=ours, theirs=ours"; a name of theirs may hold "=", as LDAP's do."""
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(";" if ";" in value else ",")]
        pairs = [part.rpartition("=") for part in parts if part]
        if any(not theirs.strip() or not ours.strip() for theirs, _sign, ours in pairs):
            msg = f"{value!r} is not like: their-group=Our group, other=Another"
            raise ValueError(msg)
        return {theirs.strip(): ours.strip() for theirs, _sign, ours in pairs}

    @field_validator("public_urls")
    @classmethod
    def _absolute(cls, value: list[str]) -> list[str]:
        for url in value:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.netloc:
                msg = f"KVMWEB_PUBLIC_URLS: {url!r} is not like https://host[:port][/prefix]"
                raise ValueError(msg)
        return [url.rstrip("/") for url in value]

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and (problem := database.problem(url)):
            msg = f"KVMWEB_DATABASE_URL: {problem}"
            raise ValueError(msg)
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for text in value:
            ip_network(text)  # "*" would let everybody name the address that he comes from
        return value

    @field_validator("download_allow", "download_deny", mode="before")
    @classmethod
    def _download_networks(cls, value: str | list[str]) -> list[str]:
        parts = value.split(",") if isinstance(value, str) else value
        return [str(ip_network(part.strip(), strict=False)) for part in parts if part.strip()]

    @field_validator("home")
    @classmethod
    def _resolved(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @property
    def prefix(self) -> str:
        """Path under which a reverse proxy serves the site, e.g. "/kvm", or ""."""
        return urlsplit(self.public_urls[0]).path if self.public_urls else ""

    @property
    def public_origins(self) -> list[str]:
        """Origins (scheme, host, port) that browsers may come from behind a proxy."""
        parts = [urlsplit(url) for url in self.public_urls]
        return [f"{part.scheme}://{part.netloc}" for part in parts]

    @property
    def public_hosts(self) -> list[str]:
        """Host names of `public_urls`, without ports."""
        return [urlsplit(url).hostname or "" for url in self.public_urls]
