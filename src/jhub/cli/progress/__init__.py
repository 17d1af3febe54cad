"""Progress of a fleet: on a terminal, as plain lines, or as events in JSON."""
