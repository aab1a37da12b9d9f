"""What reading and writing XML have in common: a safe parser, and elements made from values."""

from __future__ import annotations

from lxml import etree

from ..errors import InvalidConfig

NAMESPACE = "https://kvmweb.dev/xmlns/vm/1"
PREFIX = "kvmweb"
METADATA_TAG = "vm"

UNITS_IN_BYTES = {
    "b": 1,
    "bytes": 1,
    "kb": 10**3,
    "k": 2**10,
    "kib": 2**10,
    "mb": 10**6,
    "m": 2**20,
    "mib": 2**20,
    "gb": 10**9,
    "g": 2**30,
    "gib": 2**30,
    "tb": 10**12,
    "t": 2**40,
    "tib": 2**40,
}


def read(xml: str) -> etree._Element:
    """Parse `xml` without entities, DTDs or network. Raises InvalidConfig(detail)."""
    parser = etree.XMLParser(
        encoding="utf-8",  # the text is decoded already, whatever its declaration says
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        return etree.fromstring(xml.encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidConfig(detail=str(error)) from error


def write(root: etree._Element) -> str:
    """Return the tree as text, indentation as it stands."""
    return etree.tostring(root, encoding="unicode")


def write_pretty(root: etree._Element) -> str:
    """Return a tree that was built here, two spaces of indentation per level."""
    etree.indent(root, space="  ")
    return etree.tostring(root, encoding="unicode") + "\n"


def add(
    parent: etree._Element, tag: str, text: str | int | None = None, /, **attributes: str | int
) -> etree._Element:
    """Append `<tag ...>text</tag>`, return it. Raises InvalidConfig for characters XML has not."""
    child = etree.SubElement(parent, tag)
    for key, value in attributes.items():
        put(child, key, value)
    if text is not None:
        _put_text(child, text)
    return child


def put(element: etree._Element, key: str, value: str | int) -> None:
    """Set an attribute. Raises InvalidConfig for characters XML has not."""
    try:
        element.set(key, str(value))
    except ValueError as error:
        raise InvalidConfig(detail=str(error)) from error


def set_text(parent: etree._Element, tag: str, text: str | int) -> etree._Element:
    """Set the text of the first `tag` below `parent`, made when missing; return the element."""
    child = parent.find(tag)
    if child is None:
        child = etree.SubElement(parent, tag)
    _put_text(child, text)
    return child


def _put_text(element: etree._Element, text: str | int) -> None:
    try:
        element.text = str(text)
    except ValueError as error:
        raise InvalidConfig(detail=str(error)) from error


def remove(element: etree._Element) -> None:
    """Take `element` out of its tree; the text behind it stays."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail and element.tail.strip():
        previous = element.getprevious()
        if previous is not None:
            previous.tail = (previous.tail or "") + element.tail
        else:
            parent.text = (parent.text or "") + element.tail
    parent.remove(element)


def text_of(parent: etree._Element, path: str) -> str:
    """Return the text at `path`, or "" where there is none."""
    return parent.findtext(path) or ""


def attribute(parent: etree._Element, path: str, name: str) -> str:
    """Return attribute `name` of the first element at `path`, or ""."""
    found = parent.find(path)
    return "" if found is None else (found.get(name) or "")


def number(text: str | None) -> int:
    """Return `text` as a whole number, 0 where it is none."""
    try:
        return int((text or "").strip())
    except ValueError:
        return 0


def size_bytes(element: etree._Element | None, default_unit: str = "bytes") -> int:
    """Return a `<capacity unit='..'>` or `<memory unit='..'>` in bytes; 0 where it is missing."""
    if element is None:
        return 0
    unit = (element.get("unit") or default_unit).lower()
    return number(element.text) * UNITS_IN_BYTES.get(unit, 1)
