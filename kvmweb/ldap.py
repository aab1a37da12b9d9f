"""The settings of django-auth-ldap, made of ours. Imported only where LDAP is used."""

from __future__ import annotations

from typing import Any

import ldap
from django_auth_ldap.config import GroupOfNamesType, LDAPSearch

from kvmweb.env import Env

BACKEND = "vms.web.ldaplogin.LdapBackend"
TIMEOUT_S = 8


def ldap_settings(env: Env) -> dict[str, Any]:  # Any: Django's settings
    """Return the settings by name."""
    found: dict[str, Any] = {  # Any: as above
        "AUTH_LDAP_SERVER_URI": env.ldap_url,
        "AUTH_LDAP_START_TLS": env.ldap_starttls,
        "AUTH_LDAP_BIND_DN": env.ldap_bind_dn,
        "AUTH_LDAP_BIND_PASSWORD": env.ldap_bind_password.get_secret_value(),
        "AUTH_LDAP_USER_SEARCH": _search(env.ldap_user_base, env.ldap_user_filter),
        "AUTH_LDAP_USER_ATTR_MAP": {"first_name": "cn", "email": "mail"},
        "AUTH_LDAP_CONNECTION_OPTIONS": {
            ldap.OPT_NETWORK_TIMEOUT: TIMEOUT_S,
            ldap.OPT_TIMEOUT: TIMEOUT_S,
            ldap.OPT_REFERRALS: 0,
        },
    }
    if env.ldap_group_base:
        found["AUTH_LDAP_GROUP_SEARCH"] = _search(env.ldap_group_base, env.ldap_group_filter)
        found["AUTH_LDAP_GROUP_TYPE"] = GroupOfNamesType(name_attr="cn")
    return found


def _search(base: str, text: str) -> LDAPSearch:
    return LDAPSearch(base, ldap.SCOPE_SUBTREE, text)
