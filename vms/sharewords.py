"""The words about groups of people and shares; vms/messages.py gives them out."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

SENTENCES: dict[str, str | Promise] = {
    "unknown-person": lazy(
        "There is no active person with exactly this user name; ask how it is spelled."
    ),
    "share-with-one": lazy("Name either a person or a group."),
    "unknown-group": lazy("There is no such group, or you are not in it."),
    "is-owner": lazy("“%(name)s” owns this guest already."),
    "shared-already": lazy(
        "It is shared with “%(name)s” already; change the role in the list instead."
    ),
    "already-member": lazy("“%(name)s” is in this group already."),
    "group-name-used": lazy("There is already a group called “%(name)s”."),
}
ACTIONS: dict[str, str | Promise] = {
    "vm.share": lazy("Share guest"),
    "vm.share-role": lazy("Change the role of a share"),
    "vm.unshare": lazy("Take a share back"),
    "group.create": lazy("Create group"),
    "group.edit": lazy("Change group"),
    "group.delete": lazy("Delete group"),
    "group.add-member": lazy("Add member"),
    "group.remove-member": lazy("Remove member"),
    "group.set-manager": lazy("Change manager"),
}
