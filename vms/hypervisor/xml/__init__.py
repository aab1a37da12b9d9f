"""Values <-> libvirt's XML as element trees, never strings. Pure: no libvirt, no I/O."""
