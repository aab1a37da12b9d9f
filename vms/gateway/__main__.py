"""Start a gateway: `python -m vms.gateway --site https://vms.example.org --credential FILE ...`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from vms.gateway.server import Options, Server, tls_options
from vms.gateway.site import LOOPBACK, SiteAddress
from vms.rfb.doors import normalised

MAX_CONSOLES = 200


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    made = argparse.ArgumentParser(prog="python -m vms.gateway", description=__doc__)
    made.add_argument("--site", required=True, help="address of the site, with its prefix")
    made.add_argument(
        "--credential", required=True, type=Path, help="file with what create_gateway printed"
    )
    made.add_argument("--ca", help="certificates to trust for the site, if not the system's")
    made.add_argument("--listen", default="127.0.0.1", help="address to listen on")
    made.add_argument("--port", type=int, default=6080)
    made.add_argument("--cert", default="", help="certificate file, with its chain")
    made.add_argument("--key", default="", help="its key file")
    made.add_argument(
        "--origin",
        action="append",
        default=[],
        help="where pages may come from; the site's own by default; may be given again",
    )
    made.add_argument("--libvirt-uri", default="qemu:///system")
    made.add_argument("--max-consoles", type=int, default=MAX_CONSOLES)
    return made


def main() -> int:
    """Serve until a signal; return 2 for what cannot be served."""
    wanted = parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if problem := flaw(wanted):
        sys.stderr.write(f"kvmweb gateway: {problem}\n")
        return 2
    site = SiteAddress(wanted.site, wanted.credential.read_text().strip(), wanted.ca)
    origins = wanted.origin or [origin_of(wanted.site)]
    options = Options(
        site=site,
        libvirt_uri=wanted.libvirt_uri,
        origins=frozenset(normalised(each) for each in origins),
        max_consoles=wanted.max_consoles,
    )
    server = Server(
        options,
        listen_host=wanted.listen,
        listen_port=wanted.port,
        cert=wanted.cert,
        key=wanted.key,
        ssl_only=bool(wanted.cert),
        ssl_options=tls_options(),
    )
    sys.stdout.write(f"kvmweb gateway is on {wanted.listen} port {wanted.port}\n")
    sys.stdout.flush()
    server.start_server()
    return 0


def flaw(wanted: argparse.Namespace) -> str:
    """Say what is wrong with the command line, or ""."""
    try:
        SiteAddress(wanted.site, "").check()
        if not wanted.credential.read_text().strip():
            return f"{wanted.credential} is empty"
    except (OSError, ValueError) as error:
        return str(error)
    wrong = [each for each in wanted.origin if not normalised(each)]
    if wrong:
        return f"not an origin such as https://vms.example.org: {wrong[0]}"
    missing = [name for name in (wanted.cert, wanted.key) if name and not Path(name).is_file()]
    if missing:
        return f"there is no file {missing[0]}"
    if not wanted.cert and wanted.listen not in LOOPBACK:
        return f"{wanted.listen} can be reached from other machines; give --cert and --key"
    return ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address."""
    scheme, _colon, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


if __name__ == "__main__":
    sys.exit(main())
