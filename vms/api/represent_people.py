"""Groups, members and shares as the schemas of the API: one function per schema."""

from __future__ import annotations

from vms.api.represent import person
from vms.api.schemas.common import Ref
from vms.api.schemas.groups import GroupInfo, Member, ShareInfo
from vms.models import Group, Membership, Share


def share(row: Share) -> ShareInfo:
    """Show with whom a guest is shared."""
    return ShareInfo(
        id=row.pk,
        user=person(row.user),
        group=Ref(id=row.group.pk, name=row.group.name) if row.group else None,
        role=row.vm_role,
        created_at=row.created_at,
    )


def group(row: Group) -> GroupInfo:
    """Show a group that `selectors.counted_groups` gave."""
    return GroupInfo(
        id=row.pk,
        name=row.name,
        description=row.description,
        member_count=row.member_count,  # type: ignore[attr-defined]  # annotated
        share_count=row.share_count,  # type: ignore[attr-defined]  # annotated
    )


def member(row: Membership) -> Member:
    """Show somebody in a group."""
    user = Ref(id=row.user_id, name=row.user.username)
    return Member(user=user, is_manager=row.is_manager)
