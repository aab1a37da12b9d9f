"""The Django application object."""

from django.apps import AppConfig


class VmsConfig(AppConfig):
    """Name and label of the one application."""

    name = "vms"
    verbose_name = "Virtual machines"
