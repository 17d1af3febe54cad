"""Many servers at once: coordinator flows. Pure; they run on `Hub` and `AsyncHub` alike."""
