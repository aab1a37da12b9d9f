"""Words for codes: states and power verbs, outcomes and doors of the audit trail, why the
accelerator is what it is, how a recording ended. Only vms/messages.py hands them out.
"""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

from vms.hypervisor.types import AcceleratorReason, Verb, VmState

Text = str | Promise

STATES: dict[VmState, Text] = {
    VmState.RUNNING: lazy("running"),
    VmState.PAUSED: lazy("paused"),
    VmState.SHUTTING_DOWN: lazy("shutting down"),
    VmState.SUSPENDED: lazy("asleep"),
    VmState.OFF: lazy("off"),
    VmState.CRASHED: lazy("crashed"),
    VmState.UNKNOWN: lazy("unknown"),
}

VERBS: dict[Verb, Text] = {
    Verb.START: lazy("Start"),
    Verb.SHUTDOWN: lazy("Shut down"),
    Verb.REBOOT: lazy("Reboot"),
    Verb.RESET: lazy("Reset"),
    Verb.POWER_OFF: lazy("Power off"),
    Verb.PAUSE: lazy("Pause"),
    Verb.RESUME: lazy("Resume"),
}

OUTCOMES: dict[str, Text] = {
    "requested": lazy("under way"),
    "succeeded": lazy("done"),
    "failed": lazy("failed"),
    "refused": lazy("refused"),
}

DOORS: dict[str, Text] = {
    "web": lazy("web"),
    "api": lazy("API"),
    "console": lazy("console"),
    "command": lazy("command line"),
    "worker": lazy("server"),
}

RECORDING_ENDS: dict[str, Text] = {
    "": lazy("still recording"),
    "closed": lazy("all who looked had left"),
    "stopped": lazy("somebody stopped it"),
    "policy": lazy("the guest is no longer recorded"),
    "guest-ended": lazy("the guest was powered off or restarted"),
    "limit-size": lazy("it had reached its largest size"),
    "limit-time": lazy("it had reached its greatest length"),
    "no-room": lazy("there was no more room for recordings"),
    "server-stopped": lazy("the server was stopped"),
    "interrupted": lazy("the server ended without a word"),
    "vm-gone": lazy("the guest was deleted"),
    "failed": lazy("it failed; the log of the server says why"),
}

ACCELERATOR_REASONS: dict[AcceleratorReason, Text] = {
    AcceleratorReason.KVM_WORKS: lazy(
        "The processor can do it and libvirt offers KVM: guests run at full speed."
    ),
    AcceleratorReason.NO_CPU_FLAGS: lazy(
        "The processor shows neither vmx nor svm, so guests are emulated (TCG) and slow. Switch on "
        "virtualisation in the firmware, or nested virtualisation if this host is itself a guest."
    ),
    AcceleratorReason.NOT_IN_CAPABILITIES: lazy(
        "The processor could do KVM but libvirt does not offer it: guests are emulated (TCG) and "
        "slow. Load the module kvm_intel or kvm_amd and look at /dev/kvm, then restart libvirtd."
    ),
    AcceleratorReason.REMOTE_CAPABILITIES: lazy("The remote libvirt says what it offers."),
    AcceleratorReason.TEST_DRIVER: lazy(
        "This is libvirt's test driver: guests exist only in its memory and nothing really runs."
    ),
}
