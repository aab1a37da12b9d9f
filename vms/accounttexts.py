"""The sentences about accounts, logging in and notices: a part of vms/messages.py, which alone
reads them.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

Text = str | Promise

SENTENCES: dict[str, Text] = {
    "last-administrator": lazy("This is the last active administrator; name another one first."),
    "yourself": lazy("You cannot do this to your own account."),
    "username-used": lazy("There is already a person with this user name."),
    "username-rule": lazy("Letters, digits and @ . + - _ only, 150 at most."),
    "role-unknown": lazy("There is no such role."),
    "too-many-ssh-keys": lazy("An account keeps at most %(limit)s SSH keys; remove one first."),
    "too-many-tokens": lazy("An account has at most %(limit)s tokens; revoke one first."),
    "token-scope-unknown": lazy("There is no such scope of tokens."),
    "token-expiry-past": lazy("This day is over; choose a later one."),
    "roster-empty": lazy("There is no person in it. The first line names the columns."),
    "roster-too-long": lazy("At most %(limit)s people at once; split the list."),
    "roster-unreadable": lazy("This cannot be read as CSV."),
    "roster-columns": lazy(
        "The first line must name the columns: username is needed, known are %(columns)s."
    ),
    "roster-wrong": lazy("Some lines are wrong; nobody was added."),
    "roster-twice": lazy("This user name stands in the list twice."),
    "roster-extra": lazy("The line has more values than there are columns."),
    "group-unknown": lazy("There is no group “%(name)s”."),
    "is-pending": lazy("This account was never let in; let it in instead."),
    "password-weak": lazy("Choose another password. %(reason)s"),
    "email-domain": lazy("Only addresses of %(domains)s may register."),
    "too-many-requests": lazy("This was asked for too often; try again in %(wait_s)s seconds."),
    "email-rule": lazy("This is no e-mail address."),
    "password-change-needed": lazy("Change your one-time password first."),
    "second-factor-needed": lazy("Set up a second factor first: your role needs one."),
    "factor-needed": lazy("Your role needs a second factor; add another one first."),
    "no-second-factor": lazy("This account has no second factor."),
}

ACTIONS: dict[str, Text] = {
    "people.add": lazy("Add person"),
    "people.set-role": lazy("Change role"),
    "people.deactivate": lazy("Close account"),
    "people.reactivate": lazy("Open account again"),
    "people.reset-password": lazy("Reset password"),
    "people.change-password": lazy("Change own password"),
    "token.create": lazy("Create API token"),
    "token.revoke": lazy("Revoke API token"),
    "people.require-factor": lazy("Choose who needs a second factor"),
    "people.take-factors": lazy("Take second factors away"),
    "people.directory": lazy("Take over from the directory"),
    "people.invite": lazy("Invite"),
    "people.uninvite": lazy("Revoke invitation"),
    "people.join": lazy("Join by invitation"),
    "people.register": lazy("Register"),
    "people.admit": lazy("Let in"),
    "people.turn-away": lazy("Turn away"),
    "account.log-in": lazy("Log in"),
    "account.add-factor": lazy("Add second factor"),
    "account.remove-factor": lazy("Remove second factor"),
    "account.new-codes": lazy("Make recovery codes"),
    "account.mail": lazy("Choose mails"),
    "account.rename": lazy("Change own name"),
    "account.language": lazy("Choose own language"),
    "account.add-ssh-keys": lazy("Add SSH keys"),
    "account.remove-ssh-key": lazy("Remove SSH key"),
    "account.end-sessions": lazy("Log out elsewhere"),
}

NOTICES: dict[str, tuple[Text, Text, Text]] = {
    "job-failed": (
        lazy("A job of mine failed"),
        lazy("A job failed"),
        lazy("%(job)s “%(name)s” failed: %(why)s"),
    ),
    "lease-ends": (
        lazy("A guest of mine is about to expire"),
        lazy("A guest is about to expire"),
        lazy("The guest “%(name)s” expires on %(on)s. Extend its lease to keep it."),
    ),
    "shared": (
        lazy("A guest is shared with me"),
        lazy("A guest is shared with you"),
        lazy("%(by)s shares the guest “%(name)s” with you as %(role)s."),
    ),
    "registered": (
        lazy("Somebody registers (administrators)"),
        lazy("Somebody waits to be let in"),
        lazy("“%(name)s” %(email)s registered and waits to be let in under People."),
    ),
    "quota": (
        lazy("A quota of mine is nearly used up"),
        lazy("A quota is nearly used up"),
        lazy("%(used)s of %(limit)s are used of the quota %(quota)s."),
    ),
}
"""What a choice, the subject of a mail, and the notice itself say."""

INVITATION: Text = lazy(
    "You are invited to a dashboard for virtual machines. This link makes your account, once, and "
    "works until %(until)s:\n\n%(url)s\n"
)
