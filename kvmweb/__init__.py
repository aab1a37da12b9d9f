"""The project: wires the doors together and decides nothing."""
