"""Logging in with a password that an LDAP directory checks: the first login makes the account.

Imported only where LDAP is used; django-auth-ldap is an optional requirement.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django_auth_ldap.backend import LDAPBackend

from vms.models import AuditPhase, User
from vms.policy import Door, SystemActor
from vms.services import audit, directory
from vms.services.directory import Meaning

log = structlog.get_logger(__name__)


class LdapBackend(LDAPBackend):  # type: ignore[misc]  # it ships no types
    """Asks the directory after our own passwords; an account made here never belongs to it."""

    def ldap_to_django_username(self, username: str) -> str:
        """Name the account in lower case, as directories do not tell cases apart."""
        return username.lower()

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """Find the account of that entry, or begin a new one.

        Refuses a name that belongs to an account of our own or of another entry.
        """  # Any: django-auth-ldap's own class
        user = User.objects.filter(username__iexact=username).first()
        if user is None:
            return User(username=username, ldap_dn=ldap_user.dn), True
        if user.ldap_dn.casefold() != ldap_user.dn.casefold():
            log.warning("ldap-name-taken", username=username)
            raise ldap_user.AuthenticationFailed("the name belongs to another account")
        return user, False

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> User | None:  # Any: as above
        """Check the password, then bring role and groups up to date."""
        user: User | None = super().authenticate_ldap_user(ldap_user, password)
        if user is None:
            return None
        if not user.last_login:
            _audit_new(user)
        env = settings.KVMWEB
        names = ldap_user.group_names if env.ldap_group_base else set()
        meaning = Meaning(groups=env.ldap_groups, roles=env.ldap_roles)
        directory.apply(user=user, names=names, meaning=meaning, source="LDAP")
        return user


def _audit_new(user: User) -> None:
    target = audit.Target("user", str(user.pk), user.username)
    actor = SystemActor(Door.WEB, name="LDAP")
    audit.write(audit.Trail(actor, "people.join", target), AuditPhase.SUCCEEDED)
