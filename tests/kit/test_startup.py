"""Faults at start: are several told at once, and one told plainly?"""

from __future__ import annotations

from haat.kit.startup import StartupFault

PORT = StartupFault("The port is taken.", "Choose another.")
DISK = StartupFault("The disk is full.", "Free some space.")


def test_a_fault_says_what_and_what_to_do() -> None:
    assert str(PORT) == "The port is taken. Choose another."


def test_several_faults_are_one_that_lists_them() -> None:
    assert StartupFault.joined([PORT, DISK]).parts == (PORT, DISK)


def test_joining_joined_faults_keeps_the_list_flat() -> None:
    assert StartupFault.joined([StartupFault.joined([PORT, DISK]), PORT]).parts == (PORT, DISK, PORT)


def test_a_single_fault_stays_itself() -> None:
    assert StartupFault.joined([PORT]) is PORT
