"""The sentences that scripts show, in the reader's language; templates hand them over as JSON."""

from __future__ import annotations

import functools

from django.utils.translation import get_language
from django.utils.translation import gettext as _


def script_texts() -> dict[str, str]:
    """Return every sentence of static/src by its key."""
    return _texts(get_language())


@functools.cache
def _texts(_language: str | None) -> dict[str, str]:
    return {
        "copied": _("Copied."),
        "copyFailed": _("The browser did not allow copying; select the text and copy it yourself."),
        "close": _("Close"),
        "cancel": _("Cancel"),
        "offline": _("The server cannot be reached; nothing was changed. Try again in a moment."),
        "failed": _("Something went wrong inside kvmweb; the log of the server says what."),
        "notAllowed": _("You may no longer do this. Reload the page to see what you may do."),
        "gone": _("This is no longer there."),
        "disconnected": _("Disconnected from the server. What you see may be old; trying again."),
        "reconnected": _("Connected again; everything is up to date."),
        "loggedOut": _("You have been logged out."),
        "deactivated": _("Your account is no longer active."),
        "changedElsewhere": _(
            "This guest changed meanwhile. Reload to see it; what you typed is kept till then."
        ),
        "reload": _("Reload"),
        "nowState": _("%(name)s is now %(state)s."),
        "jobOf": _("%(job)s “%(name)s”: %(text)s"),
        "guestGone": _("The guest “%(name)s” is gone."),
        "shown": _("%(shown)s of %(total)s guests"),
        "chosen": _("%(count)s chosen"),
        "stop": _("Stop"),
        "bulkProgress": _("%(title)s: %(done)s of %(total)s"),
        "bulkEnd": _("%(title)s: %(good)s done"),
        "bulkBad": _("%(bad)s not done"),
        "bulkLeft": _("%(left)s not tried"),
        "read": _("read"),
        "written": _("written"),
        "received": _("received"),
        "sent": _("sent"),
        "memoryOf": _("%(used)s of %(total)s"),
        "scale": _("The bar has a logarithmic scale: full is 1 GiB/s."),
        "deleteNothing": _("Delete “%(name)s”, keep all disks"),
        "deleteOne": _("Delete “%(name)s” and 1 disk"),
        "deleteMany": _("Delete “%(name)s” and %(count)s disks"),
        "filmLabel": _("Recording of %(name)s"),
        "playFilm": _("Play"),
        "pauseFilm": _("Pause"),
        "filmEmpty": _("Nothing is in this recording"),
        "filmEmptyText": _("It ended before there was a picture."),
        "filmBroken": _("The recording cannot be shown"),
        "filmBrokenText": _("It was deleted, you may no longer see it, or the server is away."),
        **_console_texts(),
        **_upload_texts(),
    }


def _upload_texts() -> dict[str, str]:
    return {
        "uploadWaits": _("asking where to begin"),
        "uploadDone": _("“%(name)s” is here and is being looked into."),
        "uploadBroke": _("It broke off. What came is kept; go on, or choose the file again later."),
        "sizeOf": _("%(done)s of %(total)s"),
        "pause": _("Pause"),
        "paused": _("paused"),
        "goOn": _("Go on"),
        "giveUp": _("Give up"),
    }


def _console_texts() -> dict[str, str]:
    return {
        "connecting": _("Connecting…"),
        "connected": _("Connected"),
        "again": _("Connecting again…"),
        "connectedSize": _("Connected · %(width)s × %(height)s"),
        "consoleOff": _("The guest is off"),
        "consoleOffText": _("Start it here; its screen appears by itself."),
        "consoleEnded": _("The screen went away"),
        "consoleEndedText": _(
            "The guest was restarted or powered off. Connecting again as soon as it runs."
        ),
        "consoleHost": _("The host is away"),
        "consoleHostText": _(
            "The host does not answer. The console connects by itself when it is back."
        ),
        "consoleRevoked": _("No longer allowed"),
        "consoleRevokedText": _("You may no longer use the console of this guest."),
        "consoleLogout": _("Logged out"),
        "consoleLogoutText": _("Your session has ended. Log in again to go on."),
        "consoleGone": _("The guest is gone"),
        "consoleGoneText": _("It was deleted, or it no longer belongs to you."),
        "consoleSlow": _("Disconnected"),
        "consoleSlowText": _("The connection was too slow for the picture."),
        "consoleTime": _("The time is over"),
        "consoleTimeText": _(
            "Nobody was here for long, or this console was open as long as one may be. The guest "
            "goes on."
        ),
        "consoleAlone": _("Somebody else has this guest for himself"),
        "consoleAloneText": _("The console opens by itself as soon as he lets others in."),
        "consoleMany": _("Too many consoles"),
        "consoleManyText": _("Close another console, then connect again."),
        "consoleLost": _("The connection was lost"),
        "consoleLostText": _("Trying again in %(seconds)s s."),
        "consoleRefused": _("The console cannot be opened"),
        "consoleCreating": _("The guest is being made"),
        "consoleCreatingText": _("Its screen appears here as soon as it runs."),
        "consoleUnrecorded": _("This console cannot be recorded"),
        "consoleUnrecordedText": _(
            "Consoles of this guest are always recorded, and there is no room or no way to do it "
            "now. The administrator can mend that."
        ),
        "paused": _("The guest is paused: its picture stands still and it takes no keys."),
        "screenLabel": _(
            "Screen of %(name)s. Keys go to the guest; Ctrl+Alt+Shift releases the keyboard."
        ),
        "serialLabel": _(
            "Serial port of %(name)s. Keys go to the guest; Ctrl+Alt+Shift releases the keyboard."
        ),
        "consoleSerialBusy": _("The serial port is in use"),
        "consoleSerialBusyText": _(
            "Something else holds it, such as “virsh console” on the host. End that, then connect "
            "again."
        ),
        "consoleUnsupported": _("This host or this guest has no console of this kind."),
        "watching": _("You watch only: the guest gets none of your keys and clicks."),
        "controlling": _("You have control: keys and clicks go to the guest."),
        **_seat_texts(),
        "captured": _("The guest gets every key. Hold Escape to leave full screen."),
        "popupBlocked": _("The browser did not allow another window."),
        "pictureNotCopied": _("The browser did not allow copying; save the picture instead."),
        "pasteGo": _("Type it"),
        "pasteWithout": _("Type it without them"),
        "pasteMissing": _("This keyboard cannot make these characters: %(signs)s"),
        "pasteState": _("%(done)s of %(total)s characters"),
        "pasteStopped": _("Stopped after %(done)s of %(total)s characters."),
        "pasteDone": _("All %(total)s characters were typed."),
        "pasteNoScreen": _("The screen is not connected; nothing was typed."),
        "released": _("Keyboard released. Click the screen to type into the guest again."),
    }


def _seat_texts() -> dict[str, str]:
    return {
        "watchOnly": _("Watch only"),
        "watchOnlyTitle": _("Give control up and see the guest without touching it"),
        "watchesOnly": _("Watching"),
        "watchesOnlyTitle": _("You may watch this guest, not use it"),
        "takeControl": _("Take control"),
        "takeControlTitle": _("Let your keys and clicks go to the guest"),
        "askControl": _("Ask for control"),
        "askControlTitle": _("Ask who has control to hand it over"),
        "askedControl": _("Asked; withdraw"),
        "askedControlTitle": _("You asked for control; ask no longer"),
        "asksControl": _(
            "%(name)s asks for control. In %(seconds)s s it is handed over, unless you use the "
            "guest till then."
        ),
        "gaveControl": _("%(name)s has control now."),
        "lostControl": _("%(name)s took control. You watch."),
        "silentControl": _("You did not answer: %(name)s has control now."),
        "keptControl": _("%(name)s kept control."),
        "rightLost": _("You may only watch this guest from now on."),
        "somebody": _("Somebody"),
        "byLink": _("by a link"),
        "connectedHere": _("Connected to this guest"),
        "usesScreen": _("has control of the screen"),
        "watchesScreen": _("watches the screen"),
        "usesSerial": _("has control of a serial port"),
        "watchesSerial": _("watches a serial port"),
        "giveTo": _("Hand control over to %(name)s"),
        "takeFrom": _("Take control from %(name)s"),
        "beAlone": _("Keep all others out"),
        "nobodyElse": _("Nobody else is connected."),
        "nothingToDo": _("Control is with somebody else; ask for it."),
        "backAgain": _("Connected again. %(why)s"),
        "whyRestarted": _("The guest was restarted."),
        "whyNoScreen": _("The guest had no screen for a while."),
        "whyReverted": _("The guest was set back to a snapshot."),
        "whyRevertedOff": _("The guest was set back to a snapshot in which it was off."),
        "whyWoken": _("The guest was woken from sleep."),
        "whyMigrated": _("The guest was moved to another host."),
        "whyCrashed": _("The guest had crashed."),
        "whyOff": _("It does not run."),
        "whyPoweredOff": _("The guest was powered off."),
        "whyShutDown": _("The guest shut down."),
        "whySaved": _("The guest was put to sleep."),
        "whyHost": _("The host did not answer for a while."),
        "whyAlone": _("Others are let in again."),
        "whyServer": _("The server was restarted."),
        "whyLost": _("The connection to the server was lost for a while."),
        "whyOffline": _("This device had no network for a while."),
        "clipboardSent": _("Sent; it can be pasted in the guest."),
        "clipboardCopied": _("What was copied in the guest is in your clipboard."),
        "clipboardHere": _("The guest copied a text; it stands under Clipboard."),
        "linksForGuests": _("Links for guests…"),
        "joinAsk": _("A passphrase is needed"),
        "joinAskText": _("Whoever gave you this link knows it."),
        "joinNot": _("The console cannot be opened"),
        "joinOffline": _("The server cannot be reached; trying again…"),
        "endsIdle": _("Nobody seems to be here: this console closes in %(seconds)s s."),
        "endsTime": _(
            "This console was open as long as one may be: it closes in %(seconds)s s. Open it "
            "again then."
        ),
    }
