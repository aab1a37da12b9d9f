"""The certificate of `serve --tls`, and the names it is served under."""

from __future__ import annotations

import socket
import stat

from cryptography import x509

from vms.management import addresses, tls


def names(path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in found}


def test_the_certificate_names_this_machine_and_what_was_asked_for(tmp_path) -> None:
    made = tls.ensure(tmp_path / "tls", ["vms.example", "192.0.2.7", "2001:db8::1"])
    wanted = {"localhost", "127.0.0.1", "::1", "vms.example", "192.0.2.7", "2001:db8::1"}
    assert names(made.certificate) == wanted
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700


def test_it_is_made_once_and_anew_only_for_a_new_name(tmp_path) -> None:
    first = tls.ensure(tmp_path, ["a.example"])
    assert tls.ensure(tmp_path, ["a.example"]) == first
    assert tls.ensure(tmp_path, ["b.example"]).fingerprint != first.fingerprint


def test_an_unreadable_certificate_is_replaced(tmp_path) -> None:
    made = tls.ensure(tmp_path, [])
    made.certificate.write_text("nonsense")
    assert tls.ensure(tmp_path, []).fingerprint


def test_only_this_machine_reaches_loopback() -> None:
    for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
        assert addresses.is_loopback(host)
    for host in ("0.0.0.0", "::", "", "192.0.2.1", "localhost.example"):
        assert not addresses.is_loopback(host)


def test_listening_everywhere_answers_to_this_machines_own_names_only() -> None:
    found = addresses.names_of("0.0.0.0")
    assert socket.gethostname() in found
    assert "0.0.0.0" not in found
    assert "*" not in found
    assert addresses.names_of("127.0.0.1") == []
    assert addresses.names_of("vms.example") == ["vms.example"]
