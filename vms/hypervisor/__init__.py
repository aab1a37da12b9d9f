"""The only package that speaks libvirt. It knows nothing of Django, users or the database."""
