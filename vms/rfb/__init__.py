"""The VNC protocol as pure functions over bytes: no I/O, no Django, no libvirt."""
