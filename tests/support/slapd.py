"""A directory of its own: Debian's slapd on the loopback, ended and removed whatever happens."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.site import free_port, wait_until

BASE = "dc=example,dc=org"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "reads only"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
database mdb
maxsize 10485760
suffix "{base}"
rootdn "cn=root,{base}"
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn="{reader}" read by * none
"""
PEOPLE = {"alice": "Alice A", "bob": "Bob B", "admin": "Not ours"}
ENTRIES = """
dn: {base}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {password}
"""
PERSON = """
dn: uid={uid},{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {cn}
sn: {uid}
mail: {uid}@example.org
userPassword: {uid} in the directory
"""
GROUPS = {"lab3": ["alice", "bob"], "teachers": ["alice"]}


class Directory:
    """A slapd that runs; `url` is where."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"ldap://127.0.0.1:{self.port}/"
        (home / "data").mkdir()
        config = CONFIG.format(home=home, base=BASE, reader=READER)
        (home / "slapd.conf").write_text(config)
        (home / "data.ldif").write_text(_entries())
        options = ["-f", str(home / "slapd.conf"), "-l", str(home / "data.ldif")]
        subprocess.run(["/usr/sbin/slapadd", *options], check=True, capture_output=True, timeout=30)

    def start(self) -> subprocess.Popen[bytes]:
        """Start it in the foreground, as a child of ours."""
        command = ["/usr/sbin/slapd", "-d", "0", "-h", self.url, "-f"]
        return subprocess.Popen([*command, str(self.home / "slapd.conf")])

    def is_up(self) -> bool:
        """Say whether it takes connections."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


def _entries() -> str:
    parts = [ENTRIES.format(base=BASE, reader=READER, password=READER_PASSWORD)]
    parts += [PERSON.format(uid=uid, cn=cn, base=BASE) for uid, cn in PEOPLE.items()]
    for name, members in GROUPS.items():
        lines = [f"dn: cn={name},{BASE}", "objectClass: groupOfNames", f"cn: {name}"]
        parts.append("\n".join([*lines, *(f"member: uid={uid},{BASE}" for uid in members), ""]))
    return "\n".join(parts)


@contextlib.contextmanager
def directory() -> Iterator[Directory]:
    """A directory that runs."""
    with tempfile.TemporaryDirectory(prefix="kvmweb-slapd-") as home:
        one = Directory(Path(home))
        process = one.start()
        try:
            wait_until(one.is_up, limit_s=15, what="slapd up")
            yield one
        finally:
            process.kill()
            process.wait(10)
