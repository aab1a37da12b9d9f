"""`manage.py makemessages`: Django's own, which also finds texts marked `lazy`."""

from __future__ import annotations

from django.core.management.commands.makemessages import Command as Makemessages


class Command(Makemessages):
    """Gather every text of code and templates into the catalogues."""

    xgettext_options = [*Makemessages.xgettext_options, "--keyword=lazy"]
